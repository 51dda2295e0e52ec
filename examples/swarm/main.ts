/**
 * A swarm
 *
 * A lead and five specialists from team files fix an issue in a small repository: they read, plan, edit side by side and
 * review, with a board for tasks and notes. Given a folder they work there, and go on from its board when run again.
 *
 *   npx tsx examples/swarm/main.ts [folder]
 */
import { fileURLToPath } from "node:url"
import { FetchHttpClient, FileSystem, Path } from "@effect/platform"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import * as Runner from "axonal/pattern/Runner"
import { Console, Effect, Stream } from "effect"
import * as Log from "./log.ts"
import * as Models from "./offline/models.ts"
import * as Swarm from "./swarm.ts"

/** A copy of the repository to work on, unless there is one already. */
const prepared = (given: string | undefined) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const folder = given === undefined ? yield* files.makeTempDirectoryScoped() : path.resolve(given)
    const isThere = yield* files.exists(path.join(folder, "ISSUE.md"))
    if (!isThere) yield* files.copy(fileURLToPath(new URL("repository", import.meta.url)), folder)
    return folder
  })

// #region program
export const program = (given?: string) =>
  Effect.gen(function* () {
    const folder = yield* prepared(given)
    const work = Effect.gen(function* () {
      const swarm = yield* Swarm.make(folder, Models.make())
      yield* Stream.runForEach(Runner.stream(swarm, "Do what ISSUE.md asks for."), Log.event(folder))
      yield* Log.board
      yield* Console.log(yield* (yield* FileSystem.FileSystem).readFileString(`${folder}/src/unique.ts`))
    })
    yield* Effect.provide(work, Swarm.layer(folder, 1))
  }).pipe(Effect.scoped, Effect.provide([NodeContext.layer, FetchHttpClient.layer]))
// #endregion

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(program(process.argv[2]))
