/** What a child may ask of its server, over its link: as much as the function may for which it asks. */
import type { Child, ChildWorld } from "./child.ts";
import { EgressDenied } from "./egress/egress-policy.ts";
import type { EgressOptions } from "./egress/egress-server.ts";

const NO_SERVICE =
  'This function has not the rights of a service; "service = true" in its settings gives them';

export function asked(
  { gateway, openRanges, hostCalls, serviceKey }: ChildWorld,
  specOf: Child["specOf"],
): Omit<EgressOptions, "onControl"> {
  return {
    ...{ gateway, openRanges },
    policyOf({ key }) {
      const spec = specOf(key);
      return spec && { hosts: spec.egress };
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
