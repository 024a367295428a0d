import type { Server } from 'node:net';

/** Bounds the connections of servers. Several servers may share one bound. */
export interface ConnectionBound {
  attach(server: Server): void;
}
