/** The loopback of a network that has just been made: nothing else is in it, and it is down. */
import { closeSync } from "node:fs";
import { addressOf, must, syscall } from "../../shared/linux/kernel.ts";
import { callNumber } from "../../shared/linux/syscalls.ts";

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;
/** struct ifreq: the name, then the flags. */
const REQUEST_BYTES = 40;
const NAME_BYTES = 16;

export function raiseLoopback(): void {
  const socket = must("socket", syscall(callNumber("socket"), AF_INET, SOCK_DGRAM, 0));
  const request = Buffer.alloc(REQUEST_BYTES);
  request.write("lo");
  request.writeInt16LE(IFF_UP, NAME_BYTES);
  must("ioctl", syscall(callNumber("ioctl"), socket, SIOCSIFFLAGS, addressOf(request)));
  closeSync(socket);
}
