/** Against AWS's own vector and against aws4fetch. */
import { expect, test } from "bun:test";
import { AwsV4Signer } from "aws4fetch";
import { signRequest } from "./sigv4.ts";

const NOW = Date.UTC(2015, 7, 30, 12, 36, 0);

test("AWS's vector get-vanilla", () => {
  const headers = signRequest({
    method: "GET",
    url: new URL("https://example.amazonaws.com/"),
    headers: {},
    body: "",
    service: "service",
    region: "us-east-1",
    now: NOW,
    credentials: {
      accessKeyId: "AKIDEXAMPLE",
      secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
      sessionToken: null,
    },
  });
  expect(headers).toEqual({
    "x-amz-date": "20150830T123600Z",
    authorization:
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
      "SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
  });
});

const ARN = "arn:aws:lambda:eu-central-1:123456789012:function:orders";
const CASES = [
  `https://lambda.eu-central-1.amazonaws.com/2015-03-31/functions/${encodeURIComponent(ARN)}/invocations?Qualifier=live`,
  "https://abc.lambda-url.eu-central-1.on.aws/a%20b/%C3%A9//x?b=2&a=3&a=1&empty=&sp=a%20b%2Bc",
  "http://127.0.0.1:4566/2015-03-31/functions/orders/invocations",
];

for (const url of CASES) {
  for (const sessionToken of [null, "a/session+token=="]) {
    test(`as aws4fetch signs ${url}${sessionToken ? " with a session token" : ""}`, async () => {
      const body = '{"é":1}';
      const credentials = { accessKeyId: "AKID", secretAccessKey: "s/ecret+", sessionToken };
      const own = signRequest({
        ...{ method: "POST", url: new URL(url), body, credentials, now: NOW },
        headers: { "x-amz-invocation-type": "Event", "x-odd": "a   b" },
        service: "lambda",
        region: "eu-central-1",
      });
      const oracle = new AwsV4Signer({
        ...{ method: "POST", url, body, service: "lambda", region: "eu-central-1" },
        accessKeyId: credentials.accessKeyId,
        secretAccessKey: credentials.secretAccessKey,
        ...(sessionToken ? { sessionToken } : {}),
        headers: { "x-amz-invocation-type": "Event", "x-odd": "a   b" },
        datetime: "20150830T123600Z",
      });
      const { headers } = await oracle.sign();
      expect(own["authorization"]).toBe(headers.get("authorization") ?? "");
    });
  }
}
