/**
 * The screen at work: what is typed goes to the state or to the editor, what the state wants done is done, and frames are
 * made of how things stand. pi-tui draws their differences.
 */
import type { Component } from "@earendil-works/pi-tui"
import { TUI } from "@earendil-works/pi-tui"
import { clipboard } from "../internal/layout.ts"
import { oneLine, printable } from "../internal/words.ts"
import type { Save } from "../saved.ts"
import * as Completion from "./completion.ts"
import * as Editor from "./editor.ts"
import type { Face, Host } from "./host.ts"
import * as Picker from "./picker.ts"
import type { Act, Event } from "./state.ts"
import * as State from "./state.ts"
import type { Screen } from "./terminal.ts"
import * as Theme from "./theme.ts"
import type * as Transcript from "./transcript/transcript.ts"
import * as View from "./view.ts"
import { cut } from "./words.ts"

/**
 * What a screen is made of.
 *
 * **Details**
 *
 * - `now`: milliseconds that only grow. `suspend` gives the terminal back to the shell until the person returns; `exit` ends
 *   the process at once.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly terminal: Screen
  readonly theme: Theme.Theme
  readonly folder: string
  readonly transcript: (options: Transcript.Options) => Transcript.Transcript
  readonly now: () => number
  readonly suspend: (leave: () => void, enter: () => void) => void
  readonly exit: () => void
}

/**
 * The screen. `drawn` resolves with its first frame. `unsent`: words that were sent before there was a conversation, which has
 * not come.
 *
 * @category models
 * @since 0.1.0
 */
export interface App {
  readonly face: Face
  readonly drawn: Promise<void>
  readonly unsent: () => ReadonlyArray<string>
  readonly start: () => void
  readonly stop: () => void
}

/**
 * Makes it. Nothing is drawn before it is started.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): App => {
  const { now, terminal } = options
  const theme = { ...options.theme }
  const tui = new TUI(terminal, true)
  const editor = Editor.make(tui, theme)
  let writer: ReturnType<typeof Editor.make> | undefined
  let host: Host | undefined
  let state = State.first
  let keep: Save | undefined
  let isRunning = false
  let ticking: NodeJS.Timeout | undefined
  const early: Array<string> = []
  const refresh = (): void => {
    if (!isRunning) return
    tick()
    tui.requestRender()
  }
  const transcript = options.transcript({ theme, changed: refresh, now, save: (file) => keep?.(file) })
  const view = View.make({ transcript, theme, folder: options.folder })
  const drawn = deferred()
  const left = deferred()

  /** Time is drawn while something works, and not otherwise. */
  const tick = (): void => {
    if (ticking !== undefined || host?.isWorking() !== true) return
    ticking = setInterval(() => {
      transcript.tick()
      if (host?.isWorking() !== true) {
        clearInterval(ticking)
        ticking = undefined
      }
      tui.requestRender()
    }, 100)
  }
  const later = (millis: number, act: () => void): void => {
    setTimeout(act, millis).unref()
  }
  const act = (event: Event): void => {
    const [next, acts] = State.step(state, event)
    const hinted = next.hint !== undefined && next.interrupts !== state.interrupts
    state = next
    acts.forEach(perform)
    if (hinted) later(2000, () => act({ _tag: "Hinted", hint: undefined }))
    const { open } = state
    if (open?._tag === "Approval" || open?._tag === "Question") later(open.card.armedAt - now() + 1, refresh)
    refresh()
  }
  const submit = (text: string, how: "steer" | "queue"): void => {
    const words = text.trim()
    if (words === "") return
    editor.addToHistory(words)
    if (host === undefined) early.push(words)
    else {
      host.remember(words)
      host.submit(words, how)
    }
    act({ _tag: "Followed" })
  }
  const type = (data: string): void => {
    const pasted = Editor.pasted(data)
    const attached = pasted === undefined || writer !== undefined ? undefined : host?.attach(pasted)
    if (attached !== undefined) editor.insertTextAtCursor(`${printable(attached)} `)
    else (writer ?? editor).handleInput(Editor.cleaned(data))
  }
  const write = (text: string): void => {
    const made = Editor.make(tui, theme)
    made.setText(printable(text))
    made.onSubmit = (words) => act({ _tag: "Written", text: words, now: now() })
    writer = made
  }
  const search = (): void => {
    const lines = [...(host?.history() ?? [])].reverse()
    const items = lines.map((text, index) => ({ value: String(index), label: text }))
    const chosen = (value: string): Act => ({ _tag: "Put", text: lines[Number(value)] ?? "" })
    act({ _tag: "Opened", open: { _tag: "Picker", picker: Picker.make("Earlier words", items), chosen } })
  }
  const cards = (what: (Act & { readonly _tag: "Cards" })["what"]): void => {
    const { cards } = transcript
    if (what === "toggle") cards.toggle()
    else if (what === "reasoning") cards.toggleAll()
    else if (what === "before") cards.previous()
    else if (what === "next") cards.next()
    else cards.none()
    state = { ...state, viewport: view.showing(state.viewport) }
  }
  const perform = (todo: Act): void => {
    switch (todo._tag) {
      case "Type":
        type(todo.data)
        break
      case "Write":
        write(todo.text)
        break
      case "Unwrite":
        writer = undefined
        break
      case "Clear":
        ;(writer ?? editor).setText("")
        break
      case "Put":
        editor.setText(printable(todo.text))
        break
      case "Submit": {
        const text = editor.getExpandedText()
        editor.setText("")
        submit(text, todo.how)
        break
      }
      case "Command":
        host?.command(todo.line)
        break
      case "Cards":
        cards(todo.what)
        break
      case "Decided":
        host?.decided(todo.id, todo.decision)
        break
      case "Answered":
        host?.answered(todo.id, todo.answer)
        break
      case "Stop":
        host?.stop()
        break
      case "Permission":
        host?.permission()
        break
      case "Search":
        search()
        break
      case "Suspend":
        options.suspend(stop, start)
        break
      case "Redraw":
        tui.requestRender(true)
        break
      case "Leave":
        state = { ...state, hint: "leaving, once what works has stopped · Ctrl-C ends at once" }
        left.resolve()
        break
      case "Exit":
        options.exit()
        break
    }
  }
  editor.onSubmit = (text) => submit(text, "steer")
  editor.setAutocompleteProvider(Completion.make(() => host))

  const root: Component = {
    // What goes wrong in drawing is told in its place; the conversation goes on.
    render: (width) => {
      drawn.resolve()
      const { rows } = terminal
      try {
        const status = host?.status()
        const style =
          status?.permission === "yolo" ? theme.danger : status?.permission === "plan" ? theme.accent : theme.dim
        const lines = Editor.lines(writer ?? editor, width, style)
        return [...view.frame({ state, status, editor: lines, width, rows, now: now() })]
      } catch (error) {
        const problem = error instanceof Error ? oneLine(error.message) : "?"
        const told = cut(`this could not be drawn: ${problem}`, width)
        return Array.from({ length: rows }, (_, row) => (row === 0 ? told : ""))
      }
    },
    handleInput: (data) => {
      const about = {
        ...view.seen(),
        now: now(),
        isEmpty: (writer ?? editor).getText() === "",
        isCompleting: (writer ?? editor).isShowingAutocomplete(),
        isWorking: host?.isWorking() === true,
        isSelecting: transcript.cards.isChosen()
      }
      attempt(() => act({ _tag: "Key", data, about }))
    },
    invalidate: () => {}
  }
  /** What goes wrong with a key or with news is told, and is the end of nothing else. */
  const attempt = (todo: () => void): void => {
    try {
      todo()
    } catch (error) {
      const text = `something went wrong on the screen: ${error instanceof Error ? oneLine(error.message) : "?"}`
      state = { ...state, hint: text }
      refresh()
    }
  }
  const start = (): void => {
    isRunning = true
    tui.start()
    tui.requestRender(true)
  }
  const stop = (): void => {
    if (!isRunning) return
    isRunning = false
    clearInterval(ticking)
    ticking = undefined
    tui.stop()
  }
  tui.addChild(root)
  tui.setFocus(root)
  // Of a window that has its former size again, the terminal may have kept less than what stood there.
  terminal.onResize(() => tui.requestRender(true))
  terminal.onWheel((by) => act({ _tag: "Scrolled", by, ...view.seen() }))
  const face: Face = {
    left: left.promise,
    size: () => ({ columns: terminal.columns, rows: terminal.rows }),
    hasColor: () => theme.hasColor,
    ready: (made) => {
      host = made
      for (const text of made.history().slice(-100)) editor.addToHistory(text)
      for (const text of early.splice(0)) submit(text, "steer")
      refresh()
    },
    news: (news) =>
      attempt(() => {
        transcript.push(news)
        refresh()
      }),
    restore: (entries) =>
      attempt(() => {
        transcript.restore(entries)
        refresh()
      }),
    clear: () => {
      transcript.clear()
      act({ _tag: "Followed" })
    },
    uncolor: () => {
      Object.assign(theme, Theme.plain)
      tui.requestRender(true)
    },
    saveBy: (save) => {
      keep = save
    },
    ask: (ask) => act({ _tag: "Asked", ask, now: now() }),
    withdraw: (id) => act({ _tag: "Withdrawn", id, now: now() }),
    choose: (title, command, items) =>
      act({
        _tag: "Opened",
        open: {
          _tag: "Picker",
          picker: Picker.make(title, items),
          chosen: (value) => ({ _tag: "Command", line: `/${command} ${value}` })
        }
      }),
    edit: (text) => {
      editor.setText(printable(text))
      refresh()
    },
    copy: (text) => terminal.write(clipboard(text)),
    leave: () => left.resolve(),
    refresh
  }
  return { face, drawn: drawn.promise, unsent: () => early, start, stop }
}

// internal

const deferred = (): { readonly promise: Promise<void>; readonly resolve: () => void } => {
  let resolve = (): void => {}
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
