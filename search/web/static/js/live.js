/**
 * How far the indexer is, heard for as long as the page is seen: a page in the background holds no
 * connection, of which browsers have but a few for all pages of a server.
 */

import * as api from "./api.js";

const FIRST = 1000; // milliseconds before a server is asked again
const LONGEST = 30000;

/** Hear `listener(Progress)`, and `lost()` when nobody answers. */
export function follow(listener, lost) {
  let end = null;
  let wait = FIRST;
  let timer = 0;
  const begin = () => {
    stop();
    if (document.hidden) {
      return;
    }
    end = api.progress(
      (progress) => {
        wait = FIRST;
        listener(progress);
      },
      () => {
        lost();
        stop();
        timer = setTimeout(begin, wait);
        wait = Math.min(2 * wait, LONGEST);
      },
    );
  };
  const stop = () => {
    clearTimeout(timer);
    end?.();
    end = null;
  };
  document.addEventListener("visibilitychange", begin);
  begin();
}
