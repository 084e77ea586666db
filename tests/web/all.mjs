/* All tests, in one process: they share a browser, and the machine has few processors. */
import './run.test.mjs';
import './share.test.mjs';
import './refused.test.mjs';
