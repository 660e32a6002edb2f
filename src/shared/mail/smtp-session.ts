/** One conversation with an SMTP server: connect, secure, log in, hand one message over, leave. */
import SMTPConnection from "nodemailer/lib/smtp-connection";
import type { Clock } from "../../core/ports/clock.ts";
import type { SmtpOptions } from "./smtp-options.ts";

export interface Envelope {
  readonly from: string;
  readonly to: string;
}

/** A server that answers just often enough could hold a message for ever. */
const WHOLE_FACTOR = 3;

/** Resolves when the server took the message. Rejects with what nodemailer or the deadline says. */
export function handOver(
  smtp: SmtpOptions,
  clock: Clock,
  envelope: Envelope,
  message: Buffer,
): Promise<void> {
  return converse(smtp, clock, (connection, done) => connection.send(envelope, message, done));
}

/** Comes as far as a message would, and leaves. */
export function greet(smtp: SmtpOptions, clock: Clock): Promise<void> {
  return converse(smtp, clock, (_connection, done) => done(null));
}

type Done = (error: Error | null) => void;

/** Connects and logs in, then `act`. */
function converse(
  smtp: SmtpOptions,
  clock: Clock,
  act: (connection: SMTPConnection, done: Done) => void,
): Promise<void> {
  const connection = new SMTPConnection(connectionOf(smtp));
  const limitMs = smtp.timeoutMs * WHOLE_FACTOR;
  return new Promise((resolve, reject) => {
    let isOver = false;
    const end: Done = (error) => {
      // Closing a connection tells of its end, which is then news no more.
      if (isOver) return;
      isOver = true;
      cancel();
      if (error) {
        // Its socket is of no more use; what it still has to say is not waited for.
        connection.close();
        reject(error);
      } else {
        connection.quit();
        resolve();
      }
    };
    const cancel = clock.after(limitMs, () => end(new Error(`not taken within ${limitMs} ms`)));
    connection.on("error", end);
    connection.on("end", () => end(new Error("the server closed the connection")));
    connection.connect((error) => {
      if (error) end(error);
      else if (smtp.login === null) act(connection, end);
      else logIn(connection, smtp.login, (fault) => (fault ? end(fault) : act(connection, end)));
    });
  });
}

function logIn(
  connection: SMTPConnection,
  { user, password }: NonNullable<SmtpOptions["login"]>,
  done: Done,
): void {
  connection.login({ credentials: { user, pass: password } }, (error) => done(error));
}

function connectionOf({ host, port, security, ca, timeoutMs }: SmtpOptions) {
  return {
    host,
    port,
    secure: security === "tls",
    requireTLS: security === "starttls",
    ignoreTLS: security === "none",
    tls: { minVersion: "TLSv1.2" as const, ...(ca === null ? {} : { ca }) },
    dnsTimeout: timeoutMs,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
  };
}
