/**
 * The lines that say how things stand: what the run does, and below the words the model, its permission, what was spent and
 * how full the window is. What does not fit is left out, the least important first.
 */
import { totalTokens } from "../../domain/Usage.ts"
import type { Figures } from "../assistant/figures.ts"
import { bar, padEnd } from "../internal/layout.ts"
import { clip, lasting, oneLine, rounded } from "../internal/words.ts"
import type { Theme } from "./theme.ts"
import { cut, fitting } from "./words.ts"

/**
 * The line at the bottom.
 *
 * **Details**
 *
 * - `status`: absent while the assistant is put together.
 *
 * @category converters
 * @since 0.1.0
 */
export const line = (status: Figures | undefined, theme: Theme, width: number): string => {
  if (status === undefined) return theme.dim(cut("starting…", width))
  const { model, permission, session, thinking, usage } = status
  const { inputTokens, outputTokens } = usage
  const cached = share(inputTokens.cacheRead, inputTokens.total)
  const thinks = thinking === undefined ? "" : theme.dim(` ${oneLine(thinking)}`)
  const spent = (totalTokens(usage) ?? 0) > 0
  return fitting(
    [
      { text: permissions[permission](theme), rank: 0 },
      { text: `${oneLine(model)}${thinks}`, rank: 1 },
      { text: context(status, theme), rank: 2 },
      {
        text: spent
          ? theme.dim(
              `↑${rounded(inputTokens.total ?? 0)} ↓${rounded(outputTokens.total ?? 0)}${usage.estimated ? "~" : ""}`
            )
          : "",
        rank: 4
      },
      { text: cached === undefined ? "" : theme.dim(`${cached} cached`), rank: 5 },
      { text: usage.costUsd === undefined || usage.costUsd === 0 ? "" : theme.dim(price(usage.costUsd)), rank: 3 },
      // The beginning of an id names a session, too.
      { text: theme.dim(`session ${clip(oneLine(session), 18)}`), rank: 6 }
    ],
    width,
    theme.dim(" · ")
  )
}

/**
 * The line about what works, if anything does.
 *
 * @category converters
 * @since 0.1.0
 */
export const working = (status: Figures | undefined, theme: Theme, width: number, now: number): string | undefined => {
  const work = status?.work
  if (work === undefined) return undefined
  const frame = frames[Math.floor(now / 100) % frames.length] ?? ""
  const turn = work.turn > 1 ? theme.dim(`turn ${work.turn}`) : ""
  return fitting(
    [
      { text: `${theme.accent(frame)} ${oneLine(work.doing)}`, rank: 0 },
      { text: theme.dim(lasting(now - work.sinceMillis)), rank: 1 },
      { text: turn, rank: 3 },
      // Where a person is asked, Esc answers that.
      { text: work.doing === "waiting for you" ? "" : theme.dim("Esc stops"), rank: 2 }
    ],
    width,
    theme.dim(" · ")
  )
}

/**
 * The words that wait to join the run, at most `rows` lines of them.
 *
 * @category converters
 * @since 0.1.0
 */
export const waiting = (
  status: Figures | undefined,
  theme: Theme,
  width: number,
  rows: number
): ReadonlyArray<string> => {
  const words = status?.waiting ?? []
  const shown = words.slice(0, words.length > rows ? Math.max(0, rows - 1) : rows)
  const lines = shown.map(({ how, text }) =>
    theme.dim(cut(`${how === "steer" ? "→ joins next: " : "⏸ waits: "}${oneLine(text)}`, width))
  )
  return words.length > shown.length && rows > 0
    ? [...lines, theme.dim(cut(`  and ${words.length - shown.length} more`, width))]
    : lines
}

// internal

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]

const permissions: { readonly [Permission in Figures["permission"]]: (theme: Theme) => string } = {
  ask: (theme) => theme.added("asks"),
  plan: (theme) => theme.accent("plan"),
  yolo: (theme) => theme.danger("YOLO")
}

const price = (costUsd: number): string => `$${costUsd < 1 ? costUsd.toFixed(4) : costUsd.toFixed(2)}`

const share = (part: number | undefined, whole: number | undefined): string | undefined =>
  part === undefined || part === 0 || whole === undefined || whole === 0
    ? undefined
    : `${Math.round((100 * part) / whole)} %`

const cells = 8

const context = ({ contextTokens, contextWindow }: Figures, theme: Theme): string => {
  if (contextTokens === undefined) return ""
  if (contextWindow === undefined || contextWindow <= 0) return theme.dim(`context ${rounded(contextTokens)}`)
  const full = contextTokens / contextWindow
  const style = full >= 0.9 ? theme.error : full >= 0.7 ? theme.warning : theme.accent
  return `▕${style(padEnd(bar(full, cells), cells))}▏${theme.dim(`${Math.round(100 * full)} %`)}`
}
