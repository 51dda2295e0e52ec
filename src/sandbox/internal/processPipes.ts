/**
 * Pipes between this process and its commands. Those that Node makes are sockets, which Linux does not let a command open
 * again by a name such as `/dev/stderr`. So for outputs they are pipes with names there, made ahead and nameless once in use.
 * Inputs stay sockets: who opened one again after its end would wait for good for somebody who writes.
 */
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import { tmpdir } from "node:os"
import * as Path from "node:path"
import type { Readable } from "node:stream"
import { usualPath } from "./environment.ts"

/** Both sides of the outputs of a command. */
export interface Pipes {
  readonly command: readonly [stdout: number, stderr: number]
  readonly stdout: Readable
  readonly stderr: Readable
  /** Closes the sides of the command, which has its own by now, or never will. */
  readonly handOver: () => void
}

/** Pipes that are made before they are needed. */
export interface Pool {
  /** What to wait for before there are enough for a command, if anything. */
  readonly fill: () => Promise<void> | undefined
  /** Opens those of a command, if there are any here. Throws what the system says. */
  readonly open: () => Pipes | undefined
  /** Removes what nobody has used; at once, or, if more are being made, when that has ended. */
  readonly close: () => Promise<void>
}

/** Pipes made by that program, where they are needed, in a folder in memory if there is one. */
export const make = (program = "mkfifo", isNeeded = process.platform === "linux", memory = "/dev/shm"): Pool => {
  let folder: string | undefined
  let names: Array<string> = []
  let filling: Promise<void> | undefined
  let isOpen = isNeeded

  const remove = (): void => {
    names = []
    if (folder !== undefined) Fs.rmSync(folder, { recursive: true, force: true })
    folder = undefined
  }
  const fill = async (): Promise<void> => {
    try {
      // The first command waits for its pipes, and needs no more.
      const count = folder === undefined ? fewest : atOnce
      folder ??= Fs.mkdtempSync(Path.join(place(memory), "axonal-pipes-"))
      names.push(...(await named(program, folder, count)))
    } catch {
      // There is no such program, or no room for what it makes: sockets have to do.
      isOpen = false
    }
  }
  const filled = (): void => {
    filling = undefined
    if (!isOpen) remove()
  }
  return {
    fill: () => {
      if (isOpen && names.length < few) filling ??= fill().then(filled)
      return names.length < 2 ? filling : undefined
    },
    open: () => {
      const [stdout, stderr] = names.splice(-2)
      if (stdout === undefined || stderr === undefined) return undefined
      try {
        return opened(stdout, stderr)
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error
        // Somebody has tidied up the temporary files.
        isOpen = false
        if (filling === undefined) remove()
        return undefined
      }
    },
    close: async () => {
      isOpen = false
      if (filling === undefined) remove()
      await filling
    }
  }
}

// internal

/** How many are made at once, which takes as long as a short command does. */
const atOnce = 64
const fewest = 8
const few = 16
const fillMillis = 5000

let count = 0

/** In memory, where that is to be had: on a disk each costs more than all the rest. */
const place = (memory: string): string => {
  try {
    Fs.accessSync(memory, Fs.constants.W_OK | Fs.constants.X_OK)
    return memory
  } catch {
    return tmpdir()
  }
}

const named = (program: string, folder: string, most: number): Promise<ReadonlyArray<string>> => {
  const names = Array.from({ length: most }, () => String(count++))
  return new Promise((resolve, reject) => {
    const child = spawn(program, ["-m", "600", ...names], {
      cwd: folder,
      env: { PATH: process.env.PATH ?? usualPath },
      stdio: "ignore",
      timeout: fillMillis,
      killSignal: "SIGKILL"
    })
    child.on("error", reject)
    child.once("exit", (code) => {
      if (code === 0) resolve(names.map((name) => Path.join(folder, name)))
      else reject(new Error(`${program} has failed`))
    })
  })
}

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = Fs.constants

/** Opens them from both sides. None of it waits, since the side that reads is there first. */
const opened = (...names: readonly [stdout: string, stderr: string]): Pipes => {
  const files: Array<number> = []
  const open = (name: string, flags: number): number => {
    const file = Fs.openSync(name, flags)
    files.push(file)
    return file
  }
  try {
    const [out, err] = [open(names[0], O_RDONLY | O_NONBLOCK), open(names[1], O_RDONLY | O_NONBLOCK)]
    const command = [open(names[0], O_WRONLY), open(names[1], O_WRONLY)] as const
    return {
      command,
      stdout: new Net.Socket({ fd: out, readable: true, writable: false }),
      stderr: new Net.Socket({ fd: err, readable: true, writable: false }),
      handOver: () => command.forEach((file) => Fs.closeSync(file))
    }
  } catch (error) {
    for (const file of files) Fs.closeSync(file)
    throw error
  } finally {
    for (const name of names) unlink(name)
  }
}

const unlink = (name: string): void => {
  try {
    Fs.unlinkSync(name)
  } catch {
    // Somebody else did.
  }
}
