/** What a child may ask of its server, over its link: as much as the function may for which it asks. */
import type { Callers } from "./callers.ts";
import type { Child, ChildWorld } from "./child.ts";
import { EgressDenied } from "./egress/egress-policy.ts";
import type { EgressOptions } from "./egress/egress-server.ts";

const NO_SERVICE =
  'This function has not the rights of a service; "service = true" in its settings gives them';
const ENDED =
  "The request it was for has ended, and with it the rights of its caller: what goes on after the answer " +
  'belongs in reactor.waitUntil(), and with "service = true" in the function\'s settings reactor.service ' +
  "asks without a caller";

export function asked(
  { gateway, openRanges, hostCalls, serviceKey }: ChildWorld,
  callers: Callers,
  specOf: Child["specOf"],
): Omit<EgressOptions, "onControl"> {
  return {
    ...{ gateway, openRanges },
    policyOf({ key }) {
      const spec = specOf(key);
      return spec && { hosts: spec.egress };
    },
    callerOf(call) {
      const caller = callers.of(call);
      if (!caller) throw new EgressDenied(ENDED);
      return caller;
    },
    async serviceKey({ key }) {
      const spec = specOf(key);
      if (!spec?.service) throw new EgressDenied(NO_SERVICE);
      return await serviceKey(spec);
    },
    async askHost({ key }, request) {
      const spec = specOf(key);
      if (!spec) throw new EgressDenied("No function is known to ask");
      return await hostCalls(spec, request);
    },
  };
}
