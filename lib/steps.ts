import { channel } from 'node:diagnostics_channel';

const steps = channel('fairlead.step');

/**
 * Reports what is done next, to listeners of onStep. Without listeners, `describe` is not called.
 */
export function step(describe: () => string): void {
  if (steps.hasSubscribers) steps.publish(describe());
}

/** Returns whether steps have a listener. */
export function hasStepListeners(): boolean {
  return steps.hasSubscribers;
}

/** Calls a function with each step from now on, for as long as the process runs. */
export function onStep(listener: (text: string) => void): void {
  steps.subscribe((text) => listener(String(text)));
}
