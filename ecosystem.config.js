/**
 * For pm2: `npx pm2 start ecosystem.config.js`, then `npx pm2 reload footlights` without a gap, and `npx pm2 stop footlights`.
 * Cluster mode overlaps the old and the new host at a reload; it runs in the Node of the pm2 daemon, which must be 24 or newer:
 * after `npm ci`, `npx pm2 update` brings an older daemon up to it.
 * A named export: pm2 does not find a default one in an ES module.
 */
export const apps = [
  {
    name: 'footlights',
    script: 'bin/footlights.mjs',
    cwd: import.meta.dirname,
    interpreter: 'node',
    exec_mode: 'cluster',
    instances: 1,
    // A host that has not said ready by then counts as ready all the same, so this is far more than a start takes.
    wait_ready: true,
    listen_timeout: 120_000,
    // Above `drainMs` (30,000), or accepted predictions are cut off.
    kill_timeout: 40_000,
    // Workers belong to the host: it drains them. pm2 would signal them together with it.
    treekill: false,
    // A bad configuration (78) or a taken port (98) does not get better by trying again.
    stop_exit_codes: [78, 98],
  },
]
