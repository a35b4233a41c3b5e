/** The environment of the workers: the operator's secrets are none of a model's business. */
export function workerEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { FOOTLIGHTS_ADMIN_TOKEN: _token, NODE_CHANNEL_FD: _channel, NODE_UNIQUE_ID: _cluster, ...rest } = env
  return rest
}
