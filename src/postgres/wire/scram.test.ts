import { describe, expect, test } from "bun:test";
import { ScramClient, scramVerifier } from "./scram.ts";

// RFC 7677 §3.
const NONCE = "rOprNGfwEbeRWgbNEkqO";
const SERVER_FIRST =
  "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const CLIENT_FINAL =
  "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SERVER_FINAL = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

const client = () => new ScramClient("pencil", NONCE, "user");

describe("SCRAM-SHA-256", () => {
  test("the exchange of RFC 7677 comes out byte for byte", async () => {
    const scram = client();
    expect(scram.clientFirst()).toBe(`n,,n=user,r=${NONCE}`);
    expect(await scram.clientFinal(SERVER_FIRST)).toBe(CLIENT_FINAL);
    scram.verifyServerFinal(SERVER_FINAL);
  });

  test("a server that does not know the password is refused", async () => {
    const scram = client();
    await scram.clientFinal(SERVER_FIRST);
    for (const final of ["v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "v=", "e=other", ""]) {
      expect(() => scram.verifyServerFinal(final)).toThrow("could not prove");
    }
  });

  test("a server signature before the challenge proves nothing", () => {
    expect(() => client().verifyServerFinal(SERVER_FINAL)).toThrow("could not prove");
  });

  test("a challenge with a foreign nonce, no salt or an absurd cost is refused", async () => {
    const challenges = [
      "r=another%hvYD,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
      `r=${NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`,
      `r=${NONCE}abc,s=,i=4096`,
      `r=${NONCE}abc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0`,
      `r=${NONCE}abc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=999999999`,
    ];
    for (const challenge of challenges) {
      const refused = await client()
        .clientFinal(challenge)
        .catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: "server_not_authentic" });
    }
  });

  test("the verifier is the one Postgres would have stored", async () => {
    // StoredKey and ServerKey of the exchange above, from its salt and password.
    const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
    expect(await scramVerifier("pencil", salt)).toBe(
      "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    );
  });
});
