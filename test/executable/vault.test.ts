/** The vault of the compiled file by its commands: another master key, the wrong one, and a lost one. */
import { expect, test } from "bun:test";
import { createClient } from "@supabase/supabase-js";
import { NotReady, ordinaryUser, testUsers } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";

const bench = executableBench();
const ACCOUNT = { email: "ada@example.test", password: "correct horse battery" };

const keyOf = (byte: string) => byte.repeat(32);

test("a rotated key takes effect at the next start, the wrong one starts nothing, a code lets back in", async () => {
  const user = testUsers.find(({ name }) => name === ordinaryUser.name) ?? testUsers[0];
  const more = user ? { user } : {};
  const folder = bench.folder(user);
  const serve = ["serve", "--port", "0"];
  const vault = async (...args: string[]) => {
    const { code, stdout } = await bench.run(folder, ["vault", ...args, "-o", "json"], more);
    return [code, JSON.parse(stdout)] as const;
  };
  const refusal = (env: Record<string, string>) =>
    bench.start(folder, serve, { ...more, env }).then(
      () => "started",
      (error: unknown) => (error instanceof NotReady ? error.finished.code : String(error)),
    );

  const first = await bench.start(folder, serve, more);
  const people = createClient(first.url, first.status.publishable_key);
  expect((await people.auth.signUp(ACCOUNT)).error).toBeNull();
  const made = await bench.run(folder, ["vault", "recovery-code", "-o", "json"], more);
  const { recovery_code: code } = (JSON.parse(made.stdout) as { data: { recovery_code: string } })
    .data;
  const rotated = await bench.run(folder, ["vault", "rotate", "--to", "key", "-o", "json"], {
    ...more,
    input: keyOf("ab"),
  });
  expect([rotated.code, rotated.stdout]).toEqual([0, expect.stringContaining('"restart"')]);
  expect(await vault("status")).toMatchObject([0, { data: { source: "file", pending: true } }]);
  await first.stop();

  const env = { REACTOR_VAULT__KEY: keyOf("ab") };
  const second = await bench.start(folder, serve, { ...more, env });
  const status = { source: "configuration", pending: false, recovery_code: true };
  expect(await vault("status")).toMatchObject([0, { data: status }]);
  await second.stop();

  // The key of the folder's file opens nothing any more, and a stranger's never did.
  expect(await refusal({})).toBe(5);
  expect(await refusal({ REACTOR_VAULT__KEY: keyOf("cd") })).toBe(5);

  const recovery = { REACTOR_VAULT__RECOVERY_CODE: code };
  const third = await bench.start(folder, serve, { ...more, env: recovery });
  expect(third.stderr()).toContain("vault.recovered");
  await third.stop();
  const fourth = await bench.start(folder, serve, more);
  const again = createClient(fourth.url, fourth.status.publishable_key);
  expect((await again.auth.signInWithPassword(ACCOUNT)).error).toBeNull();
});
