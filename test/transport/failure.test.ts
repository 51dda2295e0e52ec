import { assert, describe, it } from "@effect/vitest"
import {
  excerpt,
  failureOf,
  failureOfStatus,
  failureWithoutSecrets,
  withoutSecrets
} from "../../src/transport/internal/failure.ts"

describe("failure", () => {
  it("a server that repeats the request in its error is not repeated", () => {
    const input = { messages: [{ role: "user", content: "my own words ".repeat(3000) }] }
    const body = JSON.stringify({ detail: [{ type: "missing", loc: ["body", "tools"], input }] })
    const failure = failureOfStatus(422, body, undefined)
    assert.strictEqual(failure._tag, "InvalidRequest")
    assert.isBelow(failure.message.length, 4100)
    assert.match(failure.message, /^\[\{"type":"missing".*…$/)
  })

  it("the kind of a failure is found in linear time, whatever the text", () => {
    // Quadratic in the whole text, this took minutes.
    const failure = failureOf({
      message: "input token count ".repeat(500_000),
      code: "input token count ".repeat(1000)
    })
    assert.strictEqual(failure._tag, "Overloaded")
    assert.isBelow(failure.message.length, 4100)
  })

  it("WIRE-5: a text that was cut within a key does not end with the beginning of it", () => {
    const secret = "sk-live-0123456789abcdef"
    for (let before = 150; before < 200; before++) {
      const said = withoutSecrets(excerpt(`${"x".repeat(before)}${secret} is not valid, see below for what to do`), [
        secret
      ])
      assert.notInclude(said, "sk-l")
    }
    assert.strictEqual(withoutSecrets("They said s…", [secret]), "They said s…")
  })

  it("WIRE-5: no text of a failure holds a key", () => {
    const secret = "sk-live-0123456789abcdef"
    const failure = failureOfStatus(
      400,
      JSON.stringify({ error: { message: `m ${secret}`, type: `t ${secret}`, code: `c ${secret}` } }),
      undefined
    )
    const clean = failureWithoutSecrets({ ...failure, requestId: `r ${secret}` }, [secret])
    assert.deepStrictEqual(
      [clean.message, clean.type, clean.code, clean.requestId],
      ["m <redacted>", "t <redacted>", "c <redacted>", "r <redacted>"]
    )
  })
})
