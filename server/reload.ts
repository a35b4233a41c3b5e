/** When models are brought to what is on disk: an operator says so by a signal, a developer by saving a file. */
import type { Config } from './config.ts'
import type { Logger } from './log.ts'
import { ModelsWatch } from './models-watch.ts'
import type { Registry } from './registry.ts'

export interface ReloadDeps {
  config: Config
  log: Logger
  registry: Registry
}

export function reloadOnSignal({ log, registry }: ReloadDeps): void {
  process.on('SIGUSR2', () => {
    log.info({ signal: 'SIGUSR2' }, 'reloading all models')
    void registry.reload('SIGUSR2')
  })
}

export function reloadOnSave({ config, log, registry }: ReloadDeps): void {
  // Kept by its watchers and timers, none of which keeps the process.
  void new ModelsWatch(config.models, registry, log)
}
