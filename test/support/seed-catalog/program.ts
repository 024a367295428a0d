import type { CatalogPackage } from '../../peers/catalog-root.ts';
import type { ProgramContainer } from './container.ts';

/** Ports of 127.0.0.1 that are free for one container. */
export interface Site {
  readonly port: number;
  readonly second: number;
}

/** A program that examples/catalog has a profile for. */
export interface CatalogProgram {
  /** The name of its profile. */
  readonly name: string;
  readonly package: CatalogPackage;
  /** What a workload does, for the table in examples/catalog/README.md. */
  readonly workload: string;
  /** Files in /mnt, its configuration. */
  readonly files?: (site: Site) => Readonly<Record<string, string>>;
  /** What /bin/sh runs as the first process; the last command replaces the shell. */
  readonly script: (site: Site) => string;
  /**
   * Waits until the program answers, makes requests of each kind, and reloads its configuration if
   * it can. Rejects if an answer is wrong.
   */
  readonly use: (container: ProgramContainer) => Promise<void>;
  /** By default SIGTERM. */
  readonly stop?: NodeJS.Signals;
  /** Calls that other versions and configurations of the program make, each with the reason. */
  readonly more?: Readonly<Record<string, string>>;
}
