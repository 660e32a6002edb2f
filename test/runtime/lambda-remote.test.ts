/** Functions on AWS Lambda, against a service that speaks the documented protocol. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import {
  CREDENTIALS,
  chunk,
  complete,
  type FakeLambda,
  frame,
  startFakeLambda,
} from "./fake-lambda.ts";
import { DEFAULT_LIMITS, failureOf } from "./runtime-call.ts";
import { createFixture, type Fixture } from "./runtime-fixture.ts";

let aws: FakeLambda;
let fixture: Fixture;
beforeAll(async () => {
  aws = startFakeLambda();
  fixture = await createFixture({
    blanks: 0,
    lambda: { region: null, credentials: null, endpoint: aws.endpoint },
  });
});
beforeEach(() => aws.answer(() => Response.json({ statusCode: 200, body: "fine" })));
afterAll(async () => {
  await fixture.close();
  await aws.stop();
});

const ARN = "arn:aws:lambda:eu-central-1:123456789012:function:orders";
const ENV = { env: CREDENTIALS };

function spec(target: object, more: object = {}) {
  return fixture.lambdaSpec("orders", JSON.stringify(target), { ...ENV, ...more });
}

test("a request becomes a signed Invoke with an event of format 2.0, the result an answer", async () => {
  aws.answer(() =>
    Response.json(
      {
        statusCode: 201,
        headers: { "x-a": "b", "content-type": "text/html" },
        cookies: ["a=1; Path=/", "b=2"],
        body: Buffer.from("héllo").toString("base64"),
        isBase64Encoded: true,
      },
      { headers: { "x-amz-log-result": Buffer.from("START\nsaid this\n").toString("base64") } },
    ),
  );
  const answer = await fixture.invoke(spec({ function: `${ARN}:live` }), {
    url: "https://shop.example/a%20b/c?x=1&x=2&y=%26",
    requestId: "req-1",
    init: {
      method: "POST",
      body: '{"n":1}',
      headers: {
        "content-type": "application/json",
        cookie: "k=v; l=w",
        "x-forwarded-for": "9.8.7.6",
      },
    },
  });
  expect(answer.status).toBe(201);
  expect(answer.headers.get("x-a")).toBe("b");
  expect(answer.headers.getSetCookie()).toEqual(["a=1; Path=/", "b=2"]);
  expect(await answer.text()).toBe("héllo");
  const [call] = aws.seen;
  expect(call?.isSigned).toBe(true);
  expect(call?.path).toBe(`/2015-03-31/functions/${encodeURIComponent(ARN)}/invocations`);
  expect(call?.query).toBe("?Qualifier=live");
  expect(call?.headers.get("x-amz-invocation-type")).toBe("RequestResponse");
  expect(call?.headers.get("authorization")).toContain("/eu-central-1/lambda/aws4_request");
  const event = JSON.parse(call?.body ?? "");
  expect(event).toMatchObject({
    version: "2.0",
    rawPath: "/a%20b/c",
    rawQueryString: "x=1&x=2&y=%26",
    queryStringParameters: { x: "1,2", y: "&" },
    cookies: ["k=v", "l=w"],
    body: '{"n":1}',
    isBase64Encoded: false,
    requestContext: {
      requestId: "req-1",
      domainName: "shop.example",
      http: { method: "POST", path: "/a%20b/c", sourceIp: "9.8.7.6" },
    },
  });
  expect(event.headers.cookie).toBeUndefined();
  const said = await fixture.line((line) => line.message === "said this");
  expect(said.requestId).toBe("req-1");
});

test("bytes that are no text travel as base64, and any JSON is an answer", async () => {
  aws.answer((seen) => Response.json({ echoed: JSON.parse(seen.body).body, list: [1] }));
  const answer = await fixture.invoke(spec({ function: "orders", region: "us-east-1" }), {
    init: { method: "PUT", body: new Uint8Array([0, 255, 1]) },
  });
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(await answer.json()).toEqual({ echoed: "AP8B", list: [1] });
});

test("an asynchronous call is accepted with 202 and never waits for a result", async () => {
  aws.answer(() => new Response(null, { status: 202, headers: { "x-amzn-requestid": "aws-1" } }));
  const answer = await fixture.invoke(spec({ function: ARN, invoke: "async" }));
  expect(answer.status).toBe(202);
  expect(await answer.json()).toEqual({ request_id: "aws-1" });
  expect(aws.seen[0]?.headers.get("x-amz-invocation-type")).toBe("Event");
});

function streamOf(...frames: Uint8Array[]): Response {
  const bytes = Buffer.concat(frames);
  const pieces = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, at) =>
    bytes.subarray(at * 7, at * 7 + 7),
  );
  const body = new ReadableStream({
    start(out) {
      for (const piece of pieces) out.enqueue(piece);
      out.close();
    },
  });
  return new Response(body, { headers: { "content-type": "application/vnd.amazon.eventstream" } });
}

test("a stream arrives part by part, with the head that the handler sent ahead", async () => {
  const head = JSON.stringify({ statusCode: 418, headers: { "x-tea": "pot" }, cookies: ["c=1"] });
  aws.answer(() => streamOf(chunk(`${head}${"\0".repeat(8)}one `), chunk("two"), complete()));
  const answer = await fixture.invoke(spec({ function: ARN, invoke: "stream", qualifier: "7" }));
  expect(aws.seen[0]?.path).toEndWith("/response-streaming-invocations");
  expect(aws.seen[0]?.path).toStartWith("/2021-11-15/");
  expect(aws.seen[0]?.isSigned).toBe(true);
  expect(answer.status).toBe(418);
  expect(answer.headers.get("x-tea")).toBe("pot");
  expect(answer.headers.getSetCookie()).toEqual(["c=1"]);
  expect(await answer.text()).toBe("one two");
});

test("a stream without a head is bytes", async () => {
  aws.answer(() => streamOf(chunk('{"a":1}\n'), chunk('{"a":2}\n'), complete()));
  const answer = await fixture.invoke(spec({ function: ARN, invoke: "stream" }));
  expect(answer.status).toBe(200);
  expect(await answer.text()).toBe('{"a":1}\n{"a":2}\n');
});

test("a stream's first part is passed on before the second is there", async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  aws.answer(() => new Response(readable));
  void writer.write(chunk("one"));
  const answer = await fixture.invoke(spec({ function: ARN, invoke: "stream" }));
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("one");
  void writer.write(chunk("two"));
  expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("two");
  void writer.write(complete());
  void writer.close();
  expect((await reader.read()).done).toBe(true);
});

const damaged = (bytes: Uint8Array, at: number) => bytes.map((b, i) => (i === at ? b ^ 1 : b));
const STREAMS: [string, () => Response][] = [
  ["a wrong checksum", () => streamOf(damaged(chunk("one"), 90), complete())],
  ["a wrong length", () => streamOf(damaged(chunk("one"), 3), complete())],
  ["an end within a frame", () => streamOf(chunk("one").subarray(0, 40))],
  ["no end", () => streamOf()],
  ["a frame of 3 GB", () => streamOf(Buffer.from("c0000000000000000bad0bad", "hex"))],
  ["text", () => new Response("<html>not found here, or so</html>")],
];
for (const [what, answer] of STREAMS) {
  test(`a malformed stream is 502: ${what}`, async () => {
    aws.answer(answer);
    const failure = await failureOf(fixture.invoke(spec({ function: ARN, invoke: "stream" })));
    expect([failure.status, failure.code]).toEqual([502, "lambda_bad_answer"]);
  });
}

test("a stream that fails at once is an error, one that fails later is cut", async () => {
  const ErrorDetails = JSON.stringify({ errorType: "TypeError", errorMessage: "it broke" });
  aws.answer(() => streamOf(complete({ ErrorCode: "Unhandled", ErrorDetails })));
  const target = { function: ARN, invoke: "stream" };
  expect(await failureOf(fixture.invoke(spec(target)))).toMatchObject({
    status: 500,
    message: "it broke",
  });
  aws.answer(() => streamOf(chunk("half"), complete({ ErrorCode: "Unhandled", ErrorDetails })));
  const answer = await fixture.invoke(spec(target));
  expect(await failureOf(answer.text())).toMatchObject({ message: "it broke" });
  aws.answer(() =>
    streamOf(frame({ ":message-type": "exception", ":exception-type": "ServiceException" }, "{}")),
  );
  expect(await failureOf(fixture.invoke(spec(target)))).toMatchObject({ status: 503 });
});

const functionError = (body: object) =>
  Response.json(body, { headers: { "x-amz-function-error": "Unhandled" } });
const refusal = (status: number, type: string) =>
  Response.json(
    { Message: "User: arn:aws:iam::123456789012:user/bob is not allowed" },
    { status, headers: { "x-amzn-errortype": `${type}:http://internal.amazon.com/` } },
  );
const FAILURES: [string, () => Response, number, string][] = [
  [
    "a throw",
    () => functionError({ errorType: "Error", errorMessage: "no such order" }),
    500,
    "function_failed",
  ],
  [
    "a timeout",
    () => functionError({ errorMessage: "2026-01-01 x Task timed out after 3.00 seconds" }),
    504,
    "lambda_timeout",
  ],
  [
    "a timeout by type",
    () => functionError({ errorType: "Sandbox.Timedout", errorMessage: "RequestId: 1 Error" }),
    504,
    "lambda_timeout",
  ],
  [
    "an exit",
    () => functionError({ errorType: "Runtime.ExitError", errorMessage: "Runtime exited" }),
    502,
    "function_crashed",
  ],
  ["no rights", () => refusal(403, "AccessDeniedException"), 502, "lambda_refused"],
  ["no such function", () => refusal(404, "ResourceNotFoundException"), 502, "lambda_refused"],
  [
    "too large for AWS",
    () => refusal(413, "RequestTooLargeException"),
    413,
    "lambda_payload_too_large",
  ],
  ["a fault of AWS", () => refusal(500, "ServiceException"), 503, "lambda_unavailable"],
  [
    "another content type",
    () => new Response("<html></html>", { headers: { "content-type": "text/html" } }),
    502,
    "lambda_bad_answer",
  ],
  ["a redirect", () => Response.redirect("http://169.254.169.254/"), 502, "lambda_refused"],
  ["a bad status", () => Response.json({ statusCode: 99 }), 502, "lambda_bad_answer"],
  [
    "a header with a line end",
    () => Response.json({ statusCode: 200, headers: { a: "b\r\nc: d" } }),
    502,
    "lambda_bad_answer",
  ],
  [
    "headers that are no strings",
    () => Response.json({ statusCode: 200, headers: { a: {} } }),
    502,
    "lambda_bad_answer",
  ],
  [
    "a body that is no base64",
    () => Response.json({ statusCode: 200, body: "?", isBase64Encoded: true }),
    502,
    "lambda_bad_answer",
  ],
  ["an answer of 9 MB", () => Response.json("x".repeat(9_000_000)), 502, "lambda_bad_answer"],
];
for (const [what, answer, status, code] of FAILURES) {
  test(`${what} is ${status} ${code}, asked once, and tells nothing of the account`, async () => {
    aws.answer(answer);
    const failure = await failureOf(fixture.invoke(spec({ function: ARN })));
    expect([failure.status, failure.code]).toEqual([status, code]);
    expect(JSON.stringify([failure.message, failure.details])).not.toContain("bob");
    expect(aws.seen).toHaveLength(1);
  });
}

test("what AWS says stands in the function's log", async () => {
  aws.answer(() => refusal(403, "AccessDeniedException"));
  await failureOf(fixture.invoke(spec({ function: ARN }), { requestId: "denied-1" }));
  const line = await fixture.line((one) => one.requestId === "denied-1");
  expect(line.message).toContain("user/bob is not allowed");
});

test("a throttled call is tried again, and in the end is 429 with Retry-After", async () => {
  const throttle = () => refusal(429, "TooManyRequestsException");
  aws.answer((_, count) =>
    count < 3 ? throttle() : Response.json({ statusCode: 200, body: "ok" }),
  );
  expect(await (await fixture.invoke(spec({ function: ARN }))).text()).toBe("ok");
  expect(aws.seen).toHaveLength(3);
  aws.answer(throttle);
  const failure = await failureOf(fixture.invoke(spec({ function: ARN })));
  expect(failure).toMatchObject({
    status: 429,
    code: "lambda_throttled",
    headers: { "Retry-After": "1" },
  });
  expect(aws.seen).toHaveLength(4);
});

test("a long Retry-After of AWS is the caller's to wait", async () => {
  aws.answer(() => {
    const answer = refusal(429, "TooManyRequestsException");
    answer.headers.set("retry-after", "30");
    return answer;
  });
  const failure = await failureOf(fixture.invoke(spec({ function: ARN })));
  expect(failure).toMatchObject({ status: 429, headers: { "Retry-After": "30" } });
  expect(aws.seen).toHaveLength(1);
});

test("bodies over AWS's limits are 413 and name the limit, without asking AWS", async () => {
  const post = (size: number) => ({
    init: { method: "POST", body: new Uint8Array(size).fill(200) },
  });
  const sync = await failureOf(fixture.invoke(spec({ function: ARN }), post(5_000_000)));
  expect(sync).toMatchObject({ status: 413, code: "lambda_payload_too_large" });
  expect(sync.details).toContain("6291556");
  const async_ = spec({ function: ARN, invoke: "async" });
  expect((await failureOf(fixture.invoke(async_, post(900_000)))).details).toContain("1048576");
  const limits = { ...DEFAULT_LIMITS, bodyInBytes: 10 };
  const own = await failureOf(fixture.invoke(spec({ function: ARN }, { limits }), post(11)));
  expect(own).toMatchObject({ status: 413, code: "payload_too_large" });
  expect(aws.seen).toHaveLength(0);
});

test("the deadline and a client that leaves end the call", async () => {
  aws.answer(() => new Promise<Response>(() => undefined));
  const limits = { ...DEFAULT_LIMITS, deadlineMs: 100 };
  expect(await failureOf(fixture.invoke(spec({ function: ARN }, { limits })))).toMatchObject({
    status: 504,
    code: "function_timeout",
  });
  const client = new AbortController();
  const gone = fixture.invoke(spec({ function: ARN }), { init: { signal: client.signal } });
  client.abort();
  expect(await failureOf(gone)).toMatchObject({ status: 499 });
});

test("a function URL is called as HTTP, signed, and its own 429 is its answer", async () => {
  aws.answer(() => new Response("slow down", { status: 429, headers: { "x-own": "1" } }));
  const url = "https://abcdefghij0123456789.lambda-url.eu-west-1.on.aws/";
  const answer = await fixture.invoke(spec({ url }), {
    url: "https://shop.example/a%20b?x=%2F",
    init: {
      method: "PATCH",
      body: "text",
      headers: { authorization: "Bearer mine", "x-mine": "1" },
    },
  });
  expect([answer.status, await answer.text()]).toEqual([429, "slow down"]);
  expect(answer.headers.get("x-own")).toBe("1");
  expect(aws.seen).toHaveLength(1);
  const [call] = aws.seen;
  expect(call).toMatchObject({ path: "/a%20b", query: "?x=%2F", body: "text", isSigned: true });
  expect(call?.host).toBe("abcdefghij0123456789.lambda-url.eu-west-1.on.aws");
  expect(call?.headers.get("x-mine")).toBe("1");
  await fixture.invoke(spec({ url, auth: "none" }, { env: {} }), {
    init: { headers: { authorization: "Bearer mine" } },
  });
  expect(aws.seen[1]?.headers.get("authorization")).toBe("Bearer mine");
});

test("without credentials or a region it says what is missing", async () => {
  const nothing = await failureOf(fixture.invoke(spec({ function: ARN }, { env: {} })));
  expect(nothing).toMatchObject({ status: 500, code: "lambda_not_configured" });
  const nowhere = await failureOf(fixture.invoke(spec({ function: "orders" })));
  expect(nowhere.message).toContain("no region");
  const env = { ...CREDENTIALS, AWS_REGION: "evil.example/#-1" };
  expect((await failureOf(fixture.invoke(spec({ function: "orders" }, { env })))).status).toBe(500);
});

test("the server's own credentials serve functions without any", async () => {
  const credentials = { accessKeyId: "AKIDTEST", secretAccessKey: "s3cret/+", sessionToken: "tok" };
  const own = await createFixture({
    blanks: 0,
    lambda: { region: "us-east-1", credentials, endpoint: aws.endpoint },
  });
  try {
    await own.invoke(own.lambdaSpec("orders", '{"function":"orders"}'));
    expect(aws.seen[0]?.headers.get("x-amz-security-token")).toBe("tok");
    expect(aws.seen[0]?.headers.get("authorization")).toContain("/us-east-1/lambda/");
  } finally {
    await own.close();
  }
});
