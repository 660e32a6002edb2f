/**
 * What an assertion must say beyond being signed (SAML 2.0 Profiles §4.1.4.3): that it is the asked
 * provider's, about a bearer, for this address of ours, in answer to this request, and for now. Reads
 * only what was covered by the signature.
 */

/** As `xml2js` gives elements, prefixes removed. */
interface Element {
  readonly $?: Readonly<Record<string, string>>;
  readonly _?: string;
  readonly [child: string]: unknown;
}

export interface AssertionExpectation {
  readonly entityId: string;
  readonly audience: string;
  readonly acsUrl: string;
  /** Null: nobody asked, and it must not say that somebody did. */
  readonly requestId: string | null;
  /** Now, milliseconds. */
  readonly nowMs: number;
}

export interface CheckedAssertion {
  readonly id: string;
  /** Milliseconds since the epoch: until then it must not be taken again. */
  readonly endsAtMs: number;
  /** When the provider wants the session ended, milliseconds since the epoch; null = it does not say. */
  readonly sessionEndsAtMs: number | null;
}

const SKEW_MS = 60_000;
const BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
/** An assertion that is good for longer is kept no longer than this. */
const LIFE_MAX_MS = 24 * 60 * 60 * 1000;

/** @throws Error that says which check failed */
export function checkAssertion(
  document: Readonly<Record<string, unknown>>,
  expected: AssertionExpectation,
): CheckedAssertion {
  const assertion = document["Assertion"] as Element | undefined;
  const id = assertion?.$?.["ID"] ?? "";
  if (!assertion || id === "" || assertion.$?.["Version"] !== "2.0") {
    throw new Error("there is no assertion of SAML 2.0");
  }
  if (textOf(first(assertion, "Issuer")) !== expected.entityId) {
    throw new Error("the assertion is of another issuer");
  }
  const [conditions, ...more] = all(assertion, "Conditions");
  if (!conditions || more.length > 0) throw new Error("the assertion has no conditions");
  checkTimes(conditions, expected.nowMs, "the assertion");
  checkAudience(conditions, expected.audience);
  if (!first(assertion, "AuthnStatement")) throw new Error("nobody was authenticated");
  const confirmed = all(first(assertion, "Subject"), "SubjectConfirmation").flatMap((one) =>
    one.$?.["Method"] === BEARER ? all(one, "SubjectConfirmationData") : [],
  );
  const ends = confirmed.map((data) => confirmation(data, expected));
  const good = ends.find((end) => typeof end === "number");
  if (good === undefined) throw new Error(String(ends[0] ?? "there is no bearer"));
  const latest = Math.min(Number(good), expected.nowMs + LIFE_MAX_MS);
  const sessionEndsAtMs = sessionEnd(assertion, expected.nowMs);
  return { id, endsAtMs: latest + SKEW_MS, sessionEndsAtMs };
}

/** `SessionNotOnOrAfter` (SAML 2.0 Core §2.7.2), the earliest where there are several. */
function sessionEnd(assertion: Element, nowMs: number): number | null {
  const ends = all(assertion, "AuthnStatement").flatMap(({ $: said }) => {
    const end = said?.["SessionNotOnOrAfter"];
    return end === undefined ? [] : [timeOf(end)];
  });
  if (ends.length === 0) return null;
  const end = Math.min(...ends);
  if (end <= nowMs) throw new Error("the session there has ended");
  return end;
}

/** When it ends, or what is wrong with it. */
function confirmation(data: Element, expected: AssertionExpectation): number | string {
  const {
    Recipient: recipient,
    NotOnOrAfter: end,
    NotBefore: start,
    InResponseTo: answers,
  } = data.$ ?? {};
  if (recipient !== expected.acsUrl) return "the assertion is for another recipient";
  if (end === undefined) return "the assertion says no end";
  if (timeOf(end) + SKEW_MS <= expected.nowMs) return "the assertion has expired";
  if (start !== undefined && timeOf(start) - SKEW_MS > expected.nowMs) {
    return "the assertion is not valid yet";
  }
  if ((answers ?? null) !== expected.requestId) return "the assertion answers another request";
  return timeOf(end);
}

function checkTimes(element: Element, nowMs: number, what: string): void {
  const { NotBefore: start, NotOnOrAfter: end } = element.$ ?? {};
  if (end !== undefined && timeOf(end) + SKEW_MS <= nowMs) throw new Error(`${what} has expired`);
  if (start !== undefined && timeOf(start) - SKEW_MS > nowMs) {
    throw new Error(`${what} is not valid yet`);
  }
}

function checkAudience(conditions: Element, audience: string): void {
  const restrictions = all(conditions, "AudienceRestriction");
  const isOurs = restrictions.every((one) =>
    all(one, "Audience").some((each) => textOf(each) === audience),
  );
  if (restrictions.length === 0 || !isOurs)
    throw new Error("the assertion is for another audience");
}

/** @throws Error for what is no time: nothing is then in the past or the future */
function timeOf(text: string): number {
  const isTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/.test(
    text,
  );
  const ms = isTime ? Date.parse(text) : Number.NaN;
  if (!Number.isFinite(ms)) throw new Error("the assertion has a time that is none");
  return ms;
}

function all(element: Element | undefined, name: string): readonly Element[] {
  const found = element?.[name];
  return Array.isArray(found) ? found.filter((one) => typeof one === "object" && one !== null) : [];
}

const first = (element: Element, name: string): Element | undefined => {
  const found = element[name];
  const [one] = Array.isArray(found) ? found : [];
  return typeof one === "string" ? { _: one } : (one as Element | undefined);
};

const textOf = (element: Element | undefined) => (element?._ ?? "").trim();
