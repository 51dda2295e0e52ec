import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Skills from "axonal/cli/skills"
import * as Teams from "axonal/cli/teams"
import { TeamError } from "axonal/team/TeamError"
import * as Effect from "effect/Effect"
import { cleanUp, folderOf } from "./support.ts"

cleanUp()

const skill = "---\nname: tea\ndescription: how to make tea\n---\nBoil water."
const cook = (skills: string) => `---\nskills: [${skills}]\n---\nCook.`

describe("teams on the command line", () => {
  it.effect("files name skills that there are, and are told of those that there are not", () =>
    Effect.gen(function* () {
      const folder = folderOf({ "team/cook.md": cook("tea"), "other/cook.md": cook("te") })
      assert.isFalse(Skills.areThere(folder, [join(folder, "mine")]))
      mkdirSync(join(folder, "mine/tea"), { recursive: true })
      writeFileSync(join(folder, "mine/tea/SKILL.md"), skill)
      assert.isTrue(Skills.areThere(folder, [join(folder, "mine")]))
      const { service } = yield* Skills.open(folder, [join(folder, "mine")])
      const load = (path: string) =>
        Teams.load(join(folder, path), {
          ...{ tools: [], skills: service, lead: () => undefined, offline: true, allowed: [], transports: undefined }
        })
      assert.deepStrictEqual((yield* load("team")).spec.agents[0]?.skills, ["tea"])
      const problem = yield* Effect.flip(load("other"))
      assert.instanceOf(problem, TeamError)
      assert.include(problem.message, "there is no skill te: did you mean tea?")
    }).pipe(Effect.scoped)
  )
})
