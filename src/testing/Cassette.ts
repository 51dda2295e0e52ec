/**
 * Answers of a real transport, recorded once and replayed ever after: tests that speak a vendor's words without a key,
 * a network or a bill. What is recorded are requests and deltas, not bytes of a wire; a cassette is a JSON file that
 * belongs into version control.
 */
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type { Delta } from "../domain/Delta.ts"
import type { ModelInfo } from "../domain/ModelInfo.ts"
import { canonical } from "../domain/Request.ts"
import * as Transport from "../transport/Transport.ts"
import type { TransportError } from "../transport/TransportError.ts"
import * as Diff from "./internal/cassetteDiff.ts"
import type { Interaction, Tape } from "./internal/cassetteFile.ts"
import * as File from "./internal/cassetteFile.ts"
import type { Scrub } from "./internal/cassetteSecrets.ts"
import { scrubber, scrubDeltas } from "./internal/cassetteSecrets.ts"

/**
 * How a cassette is used.
 *
 * **Details**
 *
 * - `mode`: `auto` (default) replays when the file is there and records when it is not; `record` records anew; `replay`
 *   never asks anybody.
 * - `redact`: what else is replaced by `<redacted>`, in requests and answers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly mode?: "auto" | "record" | "replay" | undefined
  readonly redact?: ReadonlyArray<RegExp | string> | undefined
}

/**
 * A cassette could not be read or written, or is none.
 *
 * @category errors
 * @since 0.1.0
 */
export class CassetteError extends Schema.TaggedError<CassetteError>()("CassetteError", {
  path: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `The cassette ${this.path} cannot be used: ${this.detail}`
  }
}

/**
 * Layer of a transport that replays the file, or records what this one answers.
 *
 * **Details**
 *
 * - The same request always has the same answer; when it was recorded several times, they come in that order, once
 *   each.
 * - A request that was not recorded is a defect, whose message shows how it differs from the nearest that was.
 * - Failures are recorded, too. An answer that the reader let go of is replayed as one that was cut off there.
 * - The file is written whenever an answer is over. The transport's layer is not built when nothing is recorded.
 * - Never recorded: headers. Replaced by `<redacted>`: what looks like a key, and fields with the name of one. Contents
 *   of files (base64) are recorded as they are.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <E, R>(
  path: string,
  transport: Layer.Layer<Transport.Transport, E, R>,
  options: Options = {}
): Layer.Layer<Transport.Transport, E | CassetteError, R | FileSystem.FileSystem> =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const { mode = "auto" } = options
      const files = yield* FileSystem.FileSystem
      const exists = mode === "auto" && (yield* unusable(path, files.exists(path)))
      const recorded: Layer.Layer<Transport.Transport, E | CassetteError, R | FileSystem.FileSystem> =
        mode === "replay" || exists ? layerReplay(path, options) : layerRecord(path, transport, options)
      return recorded
    })
  )

/**
 * Layer of a transport that replays the file and never asks anybody.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerReplay = (
  path: string,
  options: Pick<Options, "redact"> = {}
): Layer.Layer<Transport.Transport, CassetteError, FileSystem.FileSystem> =>
  Layer.effect(
    Transport.Transport,
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const tape = File.parse(yield* unusable(path, files.readFileString(path)))
      return Either.isRight(tape)
        ? replaying(path, tape.right, scrubber(options.redact ?? []))
        : yield* new CassetteError({ path, detail: tape.left })
    })
  )

// internal

const unusable = <A>(
  path: string,
  effect: Effect.Effect<A, PlatformError.PlatformError>
): Effect.Effect<A, CassetteError> =>
  Effect.mapError(effect, ({ message }) => new CassetteError({ path, detail: message }))

const replaying = (path: string, { interactions, model }: Tape, scrub: Scrub): Transport.Service => {
  const unused = new Map<string, Array<Interaction>>()
  for (const interaction of interactions) {
    const key = File.keyOf(interaction.request)
    unused.set(key, [...(unused.get(key) ?? []), interaction])
  }
  return {
    model,
    open: (request) =>
      Effect.suspend(() => {
        const asked = scrub(canonical(request))
        const left = unused.get(File.keyOf(asked))
        const interaction = left?.shift()
        if (interaction === undefined) return Effect.die(new Error(missing(path, interactions, asked, left)))
        const { deltas, error, opened } = interaction
        if (!opened && error !== undefined) return Effect.fail(error)
        return Effect.succeed(pullOf(deltas, error))
      })
  }
}

const pullOf = (deltas: ReadonlyArray<Delta>, error: TransportError | undefined): Transport.Pull => {
  const rest: Array<Transport.Pull> = []
  if (deltas.length > 0) rest.push(Effect.succeed(deltas))
  if (error !== undefined) rest.push(Effect.fail(Option.some(error)))
  return Effect.suspend(() => rest.shift() ?? Effect.fail(Option.none()))
}

const missing = (
  path: string,
  interactions: ReadonlyArray<Interaction>,
  asked: unknown,
  recorded: ReadonlyArray<Interaction> | undefined
): string => {
  const anew = `Record it anew with mode "record" if the change is meant.`
  if (recorded !== undefined) {
    const key = File.keyOf(asked)
    const times = interactions.filter(({ request }) => File.keyOf(request) === key).length
    return `The cassette ${path} has ${times === 1 ? "one answer" : `${times} answers`} to this request, and it was asked once more. ${anew}`
  }
  const texts = interactions.map(({ request }) => File.linesOf(request))
  const lines = File.linesOf(asked)
  const nearest = Diff.nearest(texts, lines)
  const text = texts[nearest]
  if (text === undefined) return `The cassette ${path} is empty. ${anew}`
  return [
    `The cassette ${path} has no answer to this request. ${anew}`,
    `The nearest is its request number ${nearest + 1} of ${texts.length} (- recorded, + asked now):`,
    ...Diff.diff(text, lines)
  ].join("\n")
}

const layerRecord = <E, R>(
  path: string,
  transport: Layer.Layer<Transport.Transport, E, R>,
  options: Options
): Layer.Layer<Transport.Transport, E, R | FileSystem.FileSystem> =>
  Layer.effect(
    Transport.Transport,
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const self = yield* Transport.Transport
      const writing = yield* Effect.makeSemaphore(1)
      const folder = /^(.*)[\\/]/.exec(path)?.[1]
      // Recording is for people who look at the file: one that cannot be written is a defect.
      const write = (text: string): Effect.Effect<void> =>
        Effect.orDie(
          Effect.zipRight(
            folder === undefined || folder === "" ? Effect.void : files.makeDirectory(folder, { recursive: true }),
            files.writeFileString(path, text)
          )
        )
      return recording(self, scrubber(options.redact ?? []), (tape) =>
        writing.withPermits(1)(Effect.suspend(() => write(File.render(tape()))))
      )
    })
  ).pipe(Layer.provide(transport))

/** Interactions stand in the order in which their requests were opened. */
const recording = (
  self: Transport.Service,
  scrub: Scrub,
  write: (tape: () => Tape) => Effect.Effect<void>
): Transport.Service => {
  const model: ModelInfo = self.model
  const interactions: Array<Interaction | undefined> = []
  const tape = (): Tape => ({ model, interactions: interactions.filter((one) => one !== undefined) })
  return {
    model,
    open: (request) =>
      Effect.flatMap(Effect.scope, (scope) => {
        const arrived: Array<ReadonlyArray<Delta>> = []
        const place = interactions.push(undefined) - 1
        const over = (opened: boolean, error?: TransportError): Effect.Effect<void> =>
          Effect.suspend(() => {
            if (interactions[place] !== undefined) return Effect.void
            const deltas = scrubDeltas(scrub, arrived.flat())
            interactions[place] = {
              request: scrub(canonical(request)),
              opened,
              deltas,
              error: error && File.scrubError(scrub, error)
            }
            return write(tape)
          })
        const opened = Effect.tapError(self.open(request), (error) => over(false, error))
        return Effect.flatMap(opened, (pull) =>
          Effect.as(Scope.addFinalizer(scope, over(true)), recorded(pull, arrived, over))
        )
      })
  }
}

const recorded = (
  pull: Transport.Pull,
  arrived: Array<ReadonlyArray<Delta>>,
  over: (opened: boolean, error?: TransportError) => Effect.Effect<void>
): Transport.Pull =>
  Effect.matchEffect(pull, {
    onFailure: (end): Transport.Pull => Effect.zipRight(over(true, Option.getOrUndefined(end)), Effect.fail(end)),
    onSuccess: (deltas): Transport.Pull => {
      arrived.push(deltas)
      return deltas.at(-1)?._tag === "Finish" ? Effect.as(over(true), deltas) : Effect.succeed(deltas)
    }
  })
