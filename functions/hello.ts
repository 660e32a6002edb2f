/** The smallest function: `GET /fn/v1/hello?name=Ada`. Answers anyone who has a key. */
import { reactor } from "reactor";

interface Caller {
  readonly role: string;
  readonly user_id: string | null;
}

export default {
  fetch(request: Request): Response {
    const name = new URL(request.url).searchParams.get("name") ?? "world";
    const caller = JSON.parse(request.headers.get("x-reactor-auth") ?? "null") as Caller | null;
    reactor.log.info(`greeting ${name}`);
    return Response.json({ message: `Hello, ${name}!`, role: caller?.role ?? "anon" });
  },
};
