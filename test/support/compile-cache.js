// Loaded before each test file (`npm test`): keeps the JavaScript that Node makes of the sources,
// which hundreds of files import again. It is the cache that bin/fairlead.js uses in a checkout.
// JavaScript itself: for a first source in TypeScript, Node loads its compiler, for 0.2 s.
// Not NODE_COMPILE_CACHE, which would also hold for each program that a test starts.
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/fairlead', import.meta.url)));
