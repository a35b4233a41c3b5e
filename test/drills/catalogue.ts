import type { Drill } from './drill.ts'
import { badOutput } from './faults/bad-output.ts'
import { blockWorker } from './faults/block-worker.ts'
import { canary, canaryIdle } from './faults/canary.ts'
import { brokenUpdate, modelChanged, modelChangedByOperator, weightsChanged } from './faults/changed-model.ts'
import { clientsLeave } from './faults/clients-leave.ts'
import { clockJump } from './faults/clock-jump.ts'
import { endlessLoop } from './faults/endless-loop.ts'
import { freezeAndThaw } from './faults/freeze-and-thaw.ts'
import { freezeWorker } from './faults/freeze-worker.ts'
import { heapExhaustion } from './faults/heap-exhaustion.ts'
import { hostKilled } from './faults/host-killed.ts'
import { idleModel } from './faults/idle-model.ts'
import { keepAliveRace } from './faults/keep-alive-race.ts'
import { killAllWorkers } from './faults/kill-all-workers.ts'
import { killOneOfTwo } from './faults/kill-one-of-two.ts'
import { killOnlyWorker } from './faults/kill-only-worker.ts'
import { leakBetweenCalls, leakWithCalls } from './faults/leaks.ts'
import { logUnread } from './faults/log-unread.ts'
import { machineMemoryShort } from './faults/machine-memory-short.ts'
import { outputFloods } from './faults/output-floods.ts'
import { overload } from './faults/overload.ts'
import { pm2Reload } from './faults/pm2-reload.ts'
import { poison, poisonAmongFour } from './faults/poison.ts'
import { descriptorsUsedUp, stateFolderFull, stateFolderGone } from './faults/scarcity.ts'
import { sigterm } from './faults/sigterm.ts'
import { slowReader } from './faults/slow-reader.ts'
import { slowStart, thirdTimeLucky, throwingStart } from './faults/slow-start.ts'
import { portInTimeWait, portOfOrphan, portOfStranger, staleRunState } from './faults/stale-port.ts'

/** Every drill, in the order of the table. */
export const DRILLS: readonly Drill[] = [
  killOneOfTwo, killOnlyWorker, killAllWorkers,
  freezeWorker, freezeAndThaw, blockWorker, endlessLoop, canary, canaryIdle,
  poison, poisonAmongFour, heapExhaustion, leakWithCalls, leakBetweenCalls,
  slowStart, throwingStart, thirdTimeLucky,
  outputFloods, logUnread, badOutput, slowReader,
  clientsLeave, overload,
  modelChanged, modelChangedByOperator, weightsChanged, brokenUpdate,
  sigterm, pm2Reload, hostKilled,
  portOfOrphan, portOfStranger, portInTimeWait, staleRunState,
  keepAliveRace, stateFolderFull, stateFolderGone, descriptorsUsedUp, clockJump, idleModel, machineMemoryShort,
]
