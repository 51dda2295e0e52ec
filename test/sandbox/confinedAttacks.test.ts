import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Attacks from "../support/attacksFiles.ts"

const isRoot = process.getuid?.() === 0

const told = ({ as, attempt, outcome, setup }: Attacks.Attack): string =>
  JSON.stringify([...setup, ...(as === undefined ? [] : [`as ${as}`]), attempt, outcome]).slice(1, -1)

describe("attacks on files", () => {
  for (const attack of Attacks.attacks) {
    const needsRoot = attack.setup.some((line) => line.startsWith("device "))
    it.scoped.skipIf(needsRoot && !isRoot)(told(attack), () =>
      Effect.forEach(
        [true, false],
        (handles) =>
          Effect.gen(function* () {
            const top = yield* Attacks.host
            const files = yield* Attacks.confined(top, handles)
            for (const line of attack.setup) yield* Attacks.prepare(top, line)
            const before = Attacks.untouchable(top)
            const attempt = Attacks.attempted(files, top, attack.attempt)
            const outcome = attack.as === undefined ? yield* attempt : Attacks.asNobody(attempt)
            assert.strictEqual(outcome, attack.outcome, handles ? "through handles" : "by paths")
            assert.deepStrictEqual(Attacks.untouchable(top), before)
          }),
        { discard: true }
      )
    )
  }
})
