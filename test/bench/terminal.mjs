/**
 * What the screen of the assistant costs: the shipped bundle in a pseudo-terminal, its model behind a socket. `node
 * terminal.mjs <id>` prints `{ value }`, or `{ values }`. Start it while the machine is quiet.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as pty from "node-pty"

const isQuick = process.env["BENCH_QUICK"] !== undefined
const cli = fileURLToPath(new URL("../../dist/bin/axonal.js", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "axonal-bench-"))
process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis))
const middle = (values) => values.toSorted((left, right) => left - right)[values.length >> 1]
const at = (values, share) => values.toSorted((left, right) => left - right)[Math.ceil(share * values.length) - 1]

/** The command line in a window of 100 × 30. `until` waits for words in what it writes from now on. */
const open = (args) => {
  const startedAt = performance.now()
  const child = pty.spawn(process.execPath, [cli, ...args], {
    ...{ name: "xterm-256color", cols: 100, rows: 30, cwd: folder },
    env: { PATH: process.env["PATH"], HOME: folder, XDG_DATA_HOME: join(folder, "data"), TERM: "xterm-256color" }
  })
  const waiting = new Set()
  let [tail, bytes] = ["", 0]
  child.onData((data) => {
    tail = (tail + data).slice(-4000)
    bytes += data.length
    for (const look of waiting) look(data)
  })
  const ended = new Promise((resolve) => child.onExit(resolve))
  const until = (words) =>
    new Promise((resolve, reject) => {
      let seen = ""
      const settle = (finish) => {
        waiting.delete(look)
        clearTimeout(timer)
        finish()
      }
      const look = (data) => {
        seen = (seen + data).slice(-20_000)
        if (seen.includes(words)) settle(() => resolve(performance.now()))
      }
      const timer = setTimeout(() => settle(() => reject(new Error(`Error: no "${words}" in ${tail}`))), 30_000)
      waiting.add(look)
    })
  return { child, startedAt, until, ended, bytes: () => bytes }
}

/** The offline model, unless another one is named by what it says. */
const talk = async (model) => {
  const online = ["--base-url", `${process.env["BENCH_URL"]}/v1`, "--model", model]
  const screen = open(["--session", "bench", ...(model === undefined ? ["--offline"] : online)])
  await screen.until("session bench")
  return screen
}
const close = async ({ child, ended }) => {
  child.kill("SIGKILL")
  await ended
}

const starts = async (words) => {
  const times = []
  for (let round = 0; round < (isQuick ? 3 : 10); round++) {
    const screen = open(["--offline"])
    times.push((await screen.until(words)) - screen.startedAt)
    await close(screen)
  }
  return middle(times)
}

/** Processor time of a process so far: user and system, in milliseconds. */
const cpuOf = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ")
  return (Number(fields[11]) + Number(fields[12])) * 10
}
const cpuOver = async ({ child }, millis) => {
  const [before, from] = [cpuOf(child.pid), performance.now()]
  await sleep(millis)
  return ((cpuOf(child.pid) - before) * 1000) / (performance.now() - from)
}
const memoryOf = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024

/** 200 deltas a second for longer than anybody looks, in paragraphs. */
const stream = new URLSearchParams({ deltas: 20_000, every: 5, lines: 40 }).toString()
const streaming = async () => {
  const screen = await talk(stream)
  const begun = screen.until("Esc stops")
  screen.child.write("go\r")
  await begun
  await sleep(1500)
  return screen
}

/** Letters that nothing else on the screen has, so that one is seen only when it is drawn. */
const letters = Array.from("ЖДФЛЙЦЯЩШЧЮЭЪЫБГПИЗ")
const echoes = async (screen) => {
  const times = []
  for (let index = 0; index < (isQuick ? 30 : 120); index++) {
    const letter = letters[index % letters.length]
    const from = performance.now()
    const seen = screen.until(letter)
    screen.child.write(letter)
    times.push((await seen) - from)
    screen.child.write("\x7f")
    // Not in step with anything.
    await sleep(23 + ((index * 7) % 19))
  }
  await close(screen)
  return times
}

/** A conversation of short answers; how much memory there is after some of its turns. */
const conversation = async (...points) => {
  const screen = await talk(new URLSearchParams({ deltas: 20, answers: 1 }).toString())
  const sizes = []
  for (let turn = 1; turn <= points.at(-1); turn++) {
    const done = screen.until(`answer to w${turn}.`)
    screen.child.write(`w${turn}.\r`)
    await done
    if (points.includes(turn)) {
      await sleep(500)
      sizes.push([`${turn} turns`, memoryOf(screen.child.pid)])
    }
  }
  await close(screen)
  return sizes
}

const kinds = {
  frame: async () => ({ value: await starts("starting…") }),
  ready: async () => ({ value: await starts("session ") }),
  echoIdle: async () => ({ value: middle(await echoes(await talk())) }),
  echo: async () => ({ value: middle(await echoes(await streaming())) }),
  echoLate: async () => ({ value: at(await echoes(await streaming()), 0.95) }),
  echoMost: async () => ({ value: at(await echoes(await streaming()), 1) }),
  cpuIdle: async () => {
    const screen = await talk()
    await sleep(1000)
    const value = await cpuOver(screen, isQuick ? 1000 : 5000)
    await close(screen)
    return { value }
  },
  cpuStream: async () => {
    const screen = await streaming()
    const value = await cpuOver(screen, isQuick ? 1000 : 5000)
    await close(screen)
    return { value }
  },
  talkMemoryFirst: async () => ({ value: (await conversation(200))[0][1] }),
  // From when on the screen has as much of the conversation as it keeps.
  talkMemory: async () => ({ values: await conversation(...(isQuick ? [50, 200] : [500, 1000, 2000])) })
}

const [kind] = process.argv.slice(2)
process.stdout.write(JSON.stringify(await kinds[kind]()))
process.exit(0)
