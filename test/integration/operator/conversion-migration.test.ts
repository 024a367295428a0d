import { describeMigrations } from '#test/support/apis/storage-migration';

// `npm run soak` migrates 1,000.
describeMigrations(10);
