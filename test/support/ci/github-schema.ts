import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';

// The packages of GitHub import JSON without saying so, as bundlers accept it.
const hooks = registerHooks({
  load: (url, context, next) =>
    next(url, url.endsWith('.json') ? { ...context, importAttributes: { type: 'json' } } : context),
});
const [{ NoOperationTraceWriter, parseWorkflow }, { parseAction }] = await Promise.all([
  import('@actions/workflow-parser'),
  import('@actions/workflow-parser/actions/index'),
]);
hooks.deregister();

/** Throws unless a file is a workflow, or an action, by the schema of GitHub. */
export function assertValid(kind: 'action' | 'workflow', name: string, content: string): void {
  const trace = new NoOperationTraceWriter();
  const { context } = (kind === 'action' ? parseAction : parseWorkflow)({ name, content }, trace);
  assert.deepEqual(
    context.errors.getErrors().map(({ message }) => message),
    [],
    name,
  );
}
