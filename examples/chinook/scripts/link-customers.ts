/**
 * Signs the shop's 59 customers up and links each account to its customer row.
 *
 *   bun scripts/link-customers.ts --url http://127.0.0.1:7890 --publishable KEY --secret KEY
 *
 * Accounts are made through the public door, as a person would; the link is written with the secret
 * key, by id. The server must never link by e-mail address on its own: anybody can sign up with an
 * address that is not theirs, and would then read somebody else's invoices. Here the one who runs the
 * script vouches for the list. Running it again changes nothing.
 *
 * Prints a JSON array of `{customer_id, user_id, email, password}`.
 */
import { parseArgs } from "node:util";

export interface Shop {
  /** Base URL without a trailing slash. */
  readonly url: string;
  readonly publishableKey: string;
  readonly secretKey: string;
}

export interface LinkedCustomer {
  readonly customer_id: number;
  readonly user_id: string;
  readonly email: string;
  readonly password: string;
}

interface Customer {
  readonly customer_id: number;
  readonly email: string;
  readonly user_id: string | null;
}

interface Session {
  readonly access_token: string;
  readonly user: { readonly id: string };
}

/** For a demonstration only: everybody's password can be guessed. */
const passwordOf = ({ customer_id }: Customer) => `chinook customer ${customer_id}`;

/** One of the shop's customers writes their address with a letter outside ASCII, which mail may not carry. */
const addressOf = ({ email }: Customer) =>
  email
    .replaceAll("ł", "l")
    .normalize("NFD")
    .replace(/\p{Diacritic}/gu, "");

export async function linkCustomers(shop: Shop): Promise<LinkedCustomer[]> {
  const customers = await send<Customer[]>(
    shop,
    "GET",
    "/data/v1/customer?select=customer_id,email,user_id&order=customer_id",
    shop.secretKey,
  );
  const linked: LinkedCustomer[] = [];
  for (const customer of customers) {
    const email = addressOf(customer);
    const password = passwordOf(customer);
    const { user } = await signUpOrIn(shop, email, password);
    const { customer_id } = customer;
    await send(shop, "PATCH", `/data/v1/customer?customer_id=eq.${customer_id}`, shop.secretKey, {
      user_id: user.id,
    });
    linked.push({ customer_id, user_id: user.id, email, password });
  }
  return linked;
}

/** An access token of somebody who has an account. */
export async function signIn(shop: Shop, email: string, password: string): Promise<string> {
  const path = "/auth/v1/token?grant_type=password";
  const session = await send<Session>(shop, "POST", path, shop.publishableKey, { email, password });
  return session.access_token;
}

async function signUpOrIn(shop: Shop, email: string, password: string): Promise<Session> {
  const person = { email, password };
  try {
    return await send<Session>(shop, "POST", "/auth/v1/signup", shop.publishableKey, person);
  } catch (error) {
    if (!(error instanceof RefusedError) || error.status >= 500) throw error;
    const path = "/auth/v1/token?grant_type=password";
    return send<Session>(shop, "POST", path, shop.publishableKey, person);
  }
}

class RefusedError extends Error {
  readonly status: number;

  constructor(what: string, status: number, text: string) {
    super(`${what} answered ${status}: ${text}`);
    this.status = status;
  }
}

async function send<Answer>(
  shop: Shop,
  method: string,
  path: string,
  apikey: string,
  body?: object,
): Promise<Answer> {
  for (;;) {
    const answer = await fetch(shop.url + path, {
      method,
      headers: { apikey, "content-type": "application/json" },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    if (answer.status === 429) {
      await Bun.sleep(Number(answer.headers.get("retry-after") ?? 1) * 1000);
      continue;
    }
    const text = await answer.text();
    if (!answer.ok) throw new RefusedError(`${method} ${path}`, answer.status, text);
    return (text === "" ? null : JSON.parse(text)) as Answer;
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      url: { type: "string", default: "http://127.0.0.1:7890" },
      publishable: { type: "string" },
      secret: { type: "string" },
    },
  });
  if (!values.publishable || !values.secret) {
    console.error("usage: link-customers.ts --url URL --publishable KEY --secret KEY");
    process.exitCode = 1;
  } else {
    const shop = {
      url: values.url.replace(/\/$/, ""),
      publishableKey: values.publishable,
      secretKey: values.secret,
    };
    console.log(JSON.stringify(await linkCustomers(shop), null, 2));
  }
}
