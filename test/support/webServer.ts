/** Servers of the web on this machine that answer with the bytes they are told to, well-formed or not. */
import { execFileSync } from "node:child_process"
import * as Http from "node:http"
import * as Https from "node:https"
import type { AddressInfo } from "node:net"
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface Running {
  readonly port: number
  /** Ends as often as a connection was closed. */
  readonly closed: () => number
}

const listening = (server: Net.Server): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Running & { readonly sockets: Set<Net.Socket> }>((resume) => {
      const sockets = new Set<Net.Socket>()
      let closed = 0
      server.on("connection", (socket) => {
        sockets.add(socket)
        socket.on("error", () => undefined)
        socket.on("close", () => {
          closed += 1
          sockets.delete(socket)
        })
      })
      server.listen(0, "127.0.0.1", () =>
        resume(Effect.succeed({ port: (server.address() as AddressInfo).port, sockets, closed: () => closed }))
      )
    }),
    ({ sockets }) =>
      Effect.async<void>((resume) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resume(Effect.void))
      })
  )

/** A server that calls `answer` with the path and the head of each request. One request a connection. */
export const raw = (
  answer: (path: string, socket: Net.Socket, head: string) => void
): Effect.Effect<Running, never, Scope.Scope> =>
  listening(
    Net.createServer((socket) => {
      let head = ""
      socket.on("data", (data) => {
        const isNew = !head.includes("\r\n\r\n")
        head += data.toString("latin1")
        if (isNew && head.includes("\r\n\r\n")) answer(head.split(" ")[1] ?? "", socket, head)
      })
    })
  )

export const http = (listener: Http.RequestListener): Effect.Effect<Running, never, Scope.Scope> =>
  listening(Http.createServer(listener))

/** The key and the certificate of one name, signed by itself. */
export const identity = (name: string): { readonly key: string; readonly cert: string } => {
  const made = execFileSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
      ...["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`, "-keyout", "-", "-out", "-"]
    ],
    { stdio: ["ignore", "pipe", "ignore"], encoding: "utf8" }
  )
  const block = (kind: string): string =>
    new RegExp(`-----BEGIN ${kind}-----[\\s\\S]*?-----END ${kind}-----`).exec(made)?.[0] ?? ""
  return { key: block("PRIVATE KEY"), cert: block("CERTIFICATE") }
}

export const https = (
  identity: { readonly key: string; readonly cert: string },
  listener: Http.RequestListener
): Effect.Effect<Running, never, Scope.Scope> => listening(Https.createServer(identity, listener))

const turn = (socket: Net.Socket, text: () => string | Buffer, pause: number): void => {
  const timer = setInterval(() => socket.write(text()), pause)
  socket.on("close", () => clearInterval(timer))
}

const flood = (socket: Net.Socket, piece: Buffer): void => {
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece));
  }
  socket.on("drain", more)
  more()
}

/** Writes an answer that a line of data describes. Words in braces are what cannot be written down. */
export const write = (socket: Net.Socket, text: string, port: number): void => {
  const [head = "", word] = text
    .replaceAll("{port}", String(port))
    .replace("{many}", "x".repeat(20_000))
    .replace("{headers}", "X-A: bbbbbbbbbbbbbbbbbbbb\r\n".repeat(1000))
    .split(/\{(drip|silence|endless|chunks)\}/)
  socket.write(Buffer.from(head, "utf8"))
  if (word === undefined) socket.end()
  if (word === "drip") turn(socket, () => "H", 5)
  if (word === "endless") flood(socket, Buffer.alloc(65_536, "x"))
  if (word === "chunks") flood(socket, Buffer.from(`8000\r\n${"x".repeat(0x8000)}\r\n`))
}
