/**
 * A bare Fastify server that answers every request with the bytes of a file: `node bare-fastify.ts
 * FILE`. Prints its URL. What a handler costs that does nothing.
 */
import { readFileSync } from 'node:fs';
import fastify from 'fastify';

const body = readFileSync(process.argv[2] ?? '');
const app = fastify();
app.get('/', async (_request, reply) => reply.type('application/json; charset=utf-8').send(body));
console.log(await app.listen({ host: '127.0.0.1', port: 0 }));
