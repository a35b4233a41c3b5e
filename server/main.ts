/** Composition root of the front process: configuration, port, workers, listening, and the order in which all of it ends. */
import cluster from 'node:cluster'
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import { flushCompileCache } from 'node:module'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../workers/contract.ts'
import { readText } from '../workers/cgroup.ts'
import { LaneListener } from '../workers/lane-listener.ts'
import { OomKills } from '../workers/oom.ts'
import { createSpawnWorker } from '../workers/spawn-worker.ts'
import { UsageSampler } from '../workers/usage.ts'
import { type AppDeps, createApp, createFace } from './app.ts'
import { compileEarly } from './compile-early.ts'
import { type Config, ConfigError, loadConfig } from './config.ts'
import { FileStore } from './files/store.ts'
import { Gateway } from './gateway.ts'
import { boundHeapGrowth, collectGarbage } from './heap-growth.ts'
import type { HostedModel } from './hosted-model.ts'
import { closeGracefully, createHttpServer } from './http-server.ts'
import { createLineLog, createLogger, isTerminal, type Logger } from './log.ts'
import { readMachineMemory } from './machine-memory.ts'
import { MemoryGuard } from './memory-guard.ts'
import { Metrics } from './metrics.ts'
import { createPredictionLog } from './prediction-log.ts'
import { Registry } from './registry.ts'
import { PortHeldError, reclaimPort } from './reclaim-port.ts'
import { reloadOnSave, reloadOnSignal } from './reload.ts'
import { findFronts, reapOrphans, RunState } from './run-state.ts'
import { createPredictionKeeper } from './siblings/prediction-keeper.ts'
import { Siblings } from './siblings/siblings.ts'
import { SiblingSocket } from './siblings/socket.ts'
import { openStateDir, type StateDir } from './state-dir.ts'
import { workerEnvironment } from './worker-environment.ts'

const EXIT_FAILURE = 1
const EX_CONFIG = 78
const EXIT_PORT_HELD = 98
/** Ctrl-C through npm arrives twice within a millisecond; a second wish to stop comes later than this. */
const SAME_SIGNAL_MS = 1_000
/** A leak of 2 MB a call at 100 calls a second must be seen before it has grown by a quarter of the default cap. */
const SAMPLE_USAGE_MS = 500
/** Far below pm2's `listen_timeout`. */
const READY_WITHIN_MS = 30_000
/** A connection in use comes round within this, and closes with its answer; nothing waits for our port meanwhile. */
const HAND_OVER_IDLE_MS = 5_000
/** Answers on their way out, after the last prediction has ended. */
const LAST_ANSWERS_MS = 2_000

const clock: Clock = {
  now: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms).unref()
    return () => clearTimeout(timer)
  },
}

interface Host {
  config: Config
  log: Logger
  stateDir: StateDir
  runState: RunState
  files: FileStore
  usage: UsageSampler
  memory: MemoryGuard
  registry: Registry
  models: ReadonlyMap<string, HostedModel>
  gateway: Gateway
  siblings: Siblings
  socket: SiblingSocket
  server: Server
}

async function main(): Promise<void> {
  compileEarly()
  const startedAt = new Date()
  const config = await loadConfig(process.env, process.cwd())
  const log = createLogger({ level: config.logLevel, pretty: isTerminal() })
  const stateDir = await openStateDir({ configured: config.state, port: config.port })
  const portsReclaimed = await freePort(config, stateDir, log)
  const host = await buildHost({ config, log, stateDir, startedAt, portsReclaimed })
  stopOnSignals(host)
  reloadOnSignal(host)
  if (isWatching(config)) reloadOnSave(host)
  for (const model of host.models.values()) model.backend.start()
  host.memory.start()
  await listen(host)
}

/** Ends orphans of an earlier run. Under pm2's cluster mode the port is held by its daemon, never by a front. */
async function freePort(config: Config, stateDir: StateDir, log: Logger): Promise<number> {
  const kill = process.kill.bind(process)
  reapOrphans(stateDir.path, { log, kill })
  if (cluster.isWorker || config.port === 0) return 0
  const { reclaimed } = await reclaimPort({ stateDir: stateDir.path, port: config.port, host: config.host, log, kill, clock })
  return reclaimed
}

interface BuildSettings {
  config: Config
  log: Logger
  stateDir: StateDir
  startedAt: Date
  portsReclaimed: number
}

async function buildHost({ config, log, stateDir, startedAt, portsReclaimed }: BuildSettings): Promise<Host> {
  const runState = RunState.open(stateDir.path, {
    port: config.port, host: config.host, onWriteError: (error) => log.warn({ error }, 'the run-state file could not be written; orphans would not be found'),
  })
  const usage = new UsageSampler(SAMPLE_USAGE_MS)
  const metrics: Metrics = new Metrics({ models: () => [...models.values()].map((model) => model.view()), portsReclaimed: () => portsReclaimed, memory: () => memory.view() })
  const oomKills = new OomKills()
  const memory: MemoryGuard = new MemoryGuard({
    read: () => readMachineMemory(readText), minFreeMb: config.minFreeMb, models: () => models.values(), oomKills, clock, log, evicted: (model) => metrics.evicted(model),
  })
  const files = await FileStore.open({
    stateDir: stateDir.path, keepFilesSeconds: config.keepFilesSeconds, maxFileBytes: config.maxUploadMb * 1024 * 1024,
    onSweepError: (error) => log.warn({ error }, 'old files could not be removed'),
  })
  const spawn = createSpawnWorker({
    lanes: await LaneListener.open(),
    onLine: createLineLog(log),
    onSpawned: (model, pid) => runState.workerSpawned(pid, model),
    onExited: (pid) => runState.workerExited(pid),
    oomKills,
    now: () => clock.now(),
    env: workerEnvironment(process.env),
  })
  const logPrediction = createPredictionLog(log)
  const registry: Registry = new Registry({
    config, stateDir: stateDir.path, spawn, clock, random: Math.random, usage, memory, metrics, log, filesAreWatched: isWatching(config),
    ended: (run, outcome, error) => {
      logPrediction(run, outcome, error)
      gateway.ended(run)
    },
  })
  await registry.find()
  const { models } = registry
  const gateway = new Gateway(models, clock)
  boundHeapGrowth(() => gateway.underWay)
  const siblings = new Siblings({ stateDir: stateDir.path, startedAt, isDraining: () => gateway.isDraining(), log })
  siblings.keep('prediction', createPredictionKeeper(gateway))
  const deps: AppDeps = {
    config, gateway, files, metrics, memory, log, siblings, startedAt, version: await packageVersion(),
    events: () => [...models.values()].flatMap((model) => model.view().events).sort((a, b) => a.at.localeCompare(b.at)),
  }
  const app = createApp(deps)
  const socket = new SiblingSocket({ stateDir: stateDir.path, siblings, app })
  return { config, log, stateDir, runState, files, usage, memory, registry, models, gateway, siblings, socket, server: createHttpServer(createFace(deps, app)) }
}

async function packageVersion(): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'))
  const version = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : undefined
  return typeof version === 'string' ? version : '0.0.0'
}

async function listen({ config, log, server, socket, siblings, runState, files, models }: Host): Promise<void> {
  // Before the port: whoever has it must be found by the others.
  const path = await socket.listen().catch((error: unknown) => {
    log.warn({ error }, 'no socket for other hosts of this state folder; a reload would lose what callers come back for')
    return null
  })
  if (path !== null) runState.update({ socket: path })
  // An older host serves meanwhile. Of two on one port each gets its share of the requests, and ours would have to wait.
  if (cluster.isWorker && siblings.areThere) await modelsSettled(models)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(unbindable(error, config)))
    server.listen(config.port, config.host, () => resolve())
  })
  const url = addressOf(server, config.host)
  files.start()
  runState.update({ port: Number(new URL(url).port) })
  log.info({ url, models: [...models.keys()] }, 'listening')
  // Otherwise written at exit, which a killed host never reaches.
  flushCompileCache()
  // While the workers start: later it would hold up requests.
  collectGarbage()
  await modelsSettled(models)
  // pm2, and whoever else started us with a channel, waits for this word before it ends an older host.
  process.send?.('ready')
}

/** Resolves when each model is ready or known to be broken, or after `READY_WITHIN_MS`: one that starts slowly shall not hold up the others. */
async function modelsSettled(models: Host['models']): Promise<void> {
  const until = clock.now() + READY_WITHIN_MS
  const settled = (model: HostedModel): boolean => model.backend.isReady() || model.view().state !== 'starting'
  while (clock.now() < until && ![...models.values()].every(settled)) await new Promise((resolve) => setTimeout(resolve, 50))
}

/** An address that this machine does not have, or may not use, is a setting to mend; all else is a failure as it is. */
function unbindable(error: NodeJS.ErrnoException, { host, port }: Config): Error {
  const reasons: Record<string, string> = { EADDRNOTAVAIL: 'is no address of this machine', ENOTFOUND: 'is not known', EACCES: 'may not be bound by this user' }
  const reason = reasons[error.code ?? '']
  return reason === undefined ? error : new ConfigError(`HOST and PORT must name an address to bind: ${host}:${port} ${reason}`, { cause: error })
}

function addressOf(server: Server, host: string): string {
  const address = server.address()
  const port = isAddressInfo(address) ? address.port : 0
  return `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`
}

function isAddressInfo(address: string | AddressInfo | null): address is AddressInfo {
  return typeof address === 'object' && address !== null
}

function stopOnSignals(host: Host): void {
  let stoppingSince: number | null = null
  const onSignal = (signal: string): void => {
    if (stoppingSince === null) {
      stoppingSince = clock.now()
      host.log.info({ signal }, 'stopping')
      void stop(host).then(() => process.exit(0), (error: unknown) => exitWith(EXIT_FAILURE, host.log, error))
    } else if (clock.now() - stoppingSince >= SAME_SIGNAL_MS) {
      host.log.warn({ signal }, 'stopping at once')
      process.exit(EXIT_FAILURE)
    }
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal)
  // pm2 asks like this where there are no signals.
  process.on('message', (message) => {
    if (message === 'shutdown') onSignal('shutdown')
  })
}

/** A person at a terminal works on a model; a service is changed by those who operate it. */
function isWatching({ watch }: Config): boolean {
  return watch ?? (isTerminal() && process.env['NODE_ENV'] !== 'production')
}

/** Refuse new work, finish what was accepted, end the workers, leave nothing behind. */
async function stop(host: Host): Promise<void> {
  const cut = new AbortController()
  const closed = isReplaced(host) ? await handOver(host, cut.signal) : await drainInPlace(host, cut.signal)
  clock.after(LAST_ANSWERS_MS, () => cut.abort())
  await closed.port
  await host.siblings.bequeath()
  await host.socket.close(cut.signal)
  await host.registry.close()
  host.usage.close()
  host.memory.close()
  await host.files.close()
  host.runState.remove()
  await host.stateDir.close()
  host.log.info({}, 'stopped')
}

/** pm2 reloads us: another front shares the port. In a cluster that is stopped there is none, and its daemon leaves the port to us. */
function isReplaced({ stateDir }: Host): boolean {
  return cluster.isWorker && findFronts(stateDir.path).some(({ isAlive }) => isAlive)
}

/** Resolves when what was accepted has ended; `port` when the last connection is closed. In an object, since a promise of a promise is one. */
interface Closing {
  port: Promise<void>
}

/**
 * Nobody takes our place: the port stays open until what was accepted has ended. Its callers can come back for it, health checks see
 * that we stop, and new work hears 503 instead of finding nobody, which a proxy in front would call 502.
 */
async function drainInPlace(host: Host, cut: AbortSignal): Promise<Closing> {
  await host.gateway.drain(host.config.drainMs)
  return { port: closeGracefully(host.server, cut) }
}

/**
 * Another host has the port already, in pm2's cluster: we leave it at once. What still comes on our open connections is accepted,
 * since its callers can't know; each answer closes its connection, so that soon there is none. Whoever comes back for what we
 * have comes to the other host, which passes him on to our socket: so we stay until all of it has ended and been told.
 */
async function handOver(host: Host, cut: AbortSignal): Promise<Closing> {
  const { gateway, socket, config } = host
  const until = clock.now() + config.drainMs
  gateway.announceDrain()
  const port = closeGracefully(host.server, cut, HAND_OVER_IDLE_MS)
  const leftMs = (): number => Math.max(0, until - clock.now())
  await Promise.race([port, new Promise<void>((resolve) => clock.after(config.drainMs, resolve))])
  while (leftMs() > 0 && !(gateway.isIdle && socket.isIdle)) await Promise.all([gateway.whenIdle(leftMs()), socket.whenIdle(leftMs())])
  await gateway.drain(leftMs())
  return { port }
}

function exitWith(code: number, log: Logger, error: unknown): void {
  log.fatal({ error }, error instanceof Error ? error.message : 'the host failed')
  process.exit(code)
}

main().catch((error: unknown) => {
  const code = error instanceof ConfigError ? EX_CONFIG : isPortHeld(error) ? EXIT_PORT_HELD : EXIT_FAILURE
  if (error instanceof ConfigError || error instanceof PortHeldError) {
    process.stderr.write(`${error.message}\n`)
    process.exit(code)
  }
  exitWith(code, createLogger({ level: 'info', pretty: isTerminal() }), error)
})

function isPortHeld(error: unknown): boolean {
  return error instanceof PortHeldError || (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')
}
