/** Pictures of photos that are likely to be looked at next. */

import { thumbnailUrl } from "./api.js";
import { fitting, sharpEnough } from "./zoom.js";

const NEAR = [1, -1, 2]; // places from a hit, the likeliest first

/** Load the pictures of hits near one, as large as the viewer shows them; gives the images. */
export function loadNear(hits, index) {
  const stage = { width: innerWidth, height: innerHeight };
  const near = NEAR.map((step) => hits[index + step]).filter(Boolean);
  return near.map(({ photo }) => {
    const size = sharpEnough(photo, fitting(photo, stage), 1, devicePixelRatio);
    const image = new Image();
    image.src = thumbnailUrl(photo, size === "original" ? 2048 : size);
    return image;
  });
}
