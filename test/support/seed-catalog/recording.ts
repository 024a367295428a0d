import { readFileSync } from 'node:fs';
import path from 'node:path';

/** What a program has called, and where it was run. */
export interface Recording {
  readonly package: string;
  readonly version: string;
  readonly kernel: string;
  readonly architecture: string;
  /** The address families of its sockets. */
  readonly families: readonly string[];
  readonly calls: readonly string[];
}

/** The file that the recording of a program is in. */
export function recordingFile(name: string): string {
  return path.join(import.meta.dirname, 'recorded', `${name}.json`);
}

/** Reads the recording of a program. */
export function readRecording(name: string): Recording {
  return JSON.parse(readFileSync(recordingFile(name), 'utf8'));
}
