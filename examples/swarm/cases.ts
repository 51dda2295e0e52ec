/** What has to hold of the repository when the work is done: a function that calls the code as it is now. */
import { FileSystem, Path } from "@effect/platform"
import { Effect, Hash, Schema } from "effect"

const Called = Schema.Struct({ call: Schema.String, with: Schema.Array(Schema.Unknown), is: Schema.Unknown })
const Said = Schema.Struct({ file: Schema.String, says: Schema.String })
const Cases = Schema.parseJson(Schema.Array(Schema.Union(Called, Said)))

// #region check
/** What does not hold, a line for each. It runs code that agents have written: do this in a sandbox if you do it for real. */
export const failing = (folder: string) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const { join } = yield* Path.Path
    const cases = yield* Schema.decode(Cases)(yield* files.readFileString(join(folder, "cases.json")))
    const lines = yield* Effect.forEach(cases, (one) =>
      "file" in one
        ? Effect.map(files.readFileString(join(folder, one.file)), (text) =>
            text.includes(one.says) ? [] : [`${one.file} does not say ${one.says}`]
          )
        : Effect.map(answer(join(folder, "src", `${one.call}.ts`), one), (actual) =>
            actual === one.is ? [] : [`${one.call}(${words(one.with)}) is ${actual} and not ${one.is}`]
          )
    )
    return lines.flat()
  })
// #endregion

const words = (given: ReadonlyArray<unknown>) => given.map((value) => JSON.stringify(value)).join(", ")

/** Modules are loaded once for each address, so that the address has to change with the text. */
const answer = (path: string, { call, with: given }: typeof Called.Type) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const url = yield* (yield* Path.Path).toFileUrl(path)
    url.search = String(Hash.string(yield* files.readFileString(path)))
    return yield* Effect.tryPromise(async (): Promise<unknown> => {
      const module: Readonly<Record<string, unknown>> = await import(/* @vite-ignore */ url.href)
      const found = module[call]
      return typeof found === "function" ? found(...given) : "nothing: it is not exported"
    })
  }).pipe(Effect.orElseSucceed(() => "nothing: it cannot be loaded"))
