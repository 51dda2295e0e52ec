/**
 * A search by ripgrep in the sandbox. It is told to look at what our own search looks at, and its answer, a line of JSON for
 * each of its steps, is read as it comes; who has enough ends it.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Command, Service } from "../../sandbox/Sandbox.ts"
import { SandboxError } from "../../sandbox/SandboxError.ts"
import { below } from "./folderPaths.ts"
import type { Search } from "./searching.ts"
import { repositories, skipped } from "./walk.ts"

const known = new WeakMap<Service, boolean>()

/** Whether a sandbox has it. Asked once for each. */
export const isThere = (sandbox: Service): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    const answer = known.get(sandbox)
    if (answer !== undefined) return Effect.succeed(answer)
    const asked = Effect.flatMap(sandbox.exec(["rg", "--version"], { limits: { time: "5 seconds" } }), (version) =>
      Effect.zipRight(Stream.runDrain(version.output), version.exit)
    )
    return Effect.scoped(asked).pipe(
      Effect.map(({ code }) => code === 0),
      Effect.orElseSucceed(() => false),
      Effect.tap((found) => Effect.sync(() => known.set(sandbox, found)))
    )
  })

/** Searches, and answers what to add about what was passed over. */
export const search = (sandbox: Service, search: Search): Effect.Effect<string, SandboxError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const started = yield* sandbox.exec(commandOf(search))
      const errors: Array<string> = []
      const decoder = new TextDecoder()
      let rest = ""
      yield* Stream.runForEachWhile(Stream.chunks(started.output), (chunk) =>
        Effect.sync(() => {
          for (const { bytes, from } of Chunk.toReadonlyArray(chunk)) {
            if (from === "stderr") {
              errors.push(new TextDecoder().decode(bytes))
              continue
            }
            const lines = `${rest}${decoder.decode(bytes, { stream: true })}`.split("\n")
            rest = lines.pop() ?? ""
            if (!lines.every((line) => isTold(search, line))) return false
          }
          return true
        })
      )
      const { code } = yield* Effect.zipRight(started.kill, started.exit)
      // 0: found, 1: nothing found, 2: something could not be read, which is passed over like what is ignored.
      if (code !== 2 || !/regex parse error|unrecognized/.test(errors.join(""))) return ""
      return yield* new SandboxError({
        operation: "exec",
        subject: "rg",
        reason: { _tag: "Invalid", problem: errors.join("").trim().slice(0, 500) }
      })
    })
  )

// internal

const commandOf = (search: Search): Command => [
  "rg",
  ...["--json", "--no-config", "--no-ignore-global", "--no-ignore-exclude", "--no-require-git", "--hidden"],
  ...["--sort", "path", "--crlf", "--max-filesize", String(search.mostFileBytes)],
  ...(search.everything ? ["--no-ignore"] : []),
  ...[...(search.everything ? repositories : skipped)].flatMap((name) => ["--glob", `!**/${name}`]),
  // A glob would find what is ignored, too; a kind of files does not.
  ...(search.files === undefined || search.files.includes("/")
    ? []
    : ["--type-add", `wanted:${search.files}`, "--type", "wanted"]),
  search.ignoreCase ? "--ignore-case" : "--case-sensitive",
  ...(search.literal ? ["--fixed-strings"] : []),
  ...(search.context === 0 ? [] : ["--context", String(search.context)]),
  ...["--regexp", search.pattern, "--", search.path]
]

const Text = Schema.Union(Schema.Struct({ text: Schema.String }), Schema.Struct({ bytes: Schema.String }))

const Told = Schema.Struct({
  type: Schema.Literal("match", "context"),
  data: Schema.Struct({
    path: Text,
    lines: Text,
    line_number: Schema.Number,
    submatches: Schema.Array(Schema.Struct({ start: Schema.Number }))
  })
})

const read = Schema.decodeUnknownEither(Schema.parseJson(Told))

const plain = (text: typeof Text.Type): string => ("text" in text ? text.text : atob(text.bytes))

/** Tells what one line of the answer says, and answers whether to go on. */
const isTold = (search: Search, line: string): boolean => {
  if (!line.startsWith('{"type":"match"') && !line.startsWith('{"type":"context"')) return true
  const told = read(line)
  if (Either.isLeft(told)) return true
  const { data, type } = told.right
  const path = below(plain(data.path), "")
  if (search.isFolder && !search.isWanted(relative(search.path, path))) return true
  const text = plain(data.lines).replace(/\r?\n$/, "")
  const at = data.submatches[0]?.start ?? 0
  return search.isTold({ path, line: data.line_number, text, isMatch: type === "match", at })
}

const relative = (folder: string, path: string): string =>
  folder === "." ? path : path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path
