/**
 * A program for a virtual machine. `serve SOCKET` plays a container runtime that knows its version;
 * `call SOCKET FILE` calls it through a shim, each time over a new connection, until FILE exists,
 * and prints how many calls succeeded, and the errors of the others.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:http2';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { frameMessage } from '../../../lib/cri/message.ts';
import { runtimeCaller } from '../../../lib/cri/runtime-call.ts';

const version = 'runtime.v1.RuntimeService/Version';
const empty = new Uint8Array();
/** How long a call may take, in milliseconds: the processor of the machine is slow. */
const patience = 60_000;
const [mode, socket = '', file = ''] = process.argv.slice(2);

if (mode === 'serve') {
  mkdirSync(dirname(socket), { recursive: true });
  const server = createServer();
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(frameMessage(empty));
  });
  server.listen(socket);
} else {
  const errors: string[] = [];
  const calls: Promise<void>[] = [];
  const call = runtimeCaller(socket);
  const once = () => call(version, empty, AbortSignal.timeout(patience));
  while (!existsSync(file)) {
    // A server that ends does not read what arrives after its GOAWAY: gRPC clients send it again.
    const called = once().catch(once);
    calls.push(
      called.then(
        () => undefined,
        (error: unknown) => void errors.push(String(error)),
      ),
    );
    await delay(200);
  }
  await Promise.all(calls);
  console.log(JSON.stringify({ succeeded: calls.length - errors.length, errors }));
}
