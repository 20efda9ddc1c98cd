/** Photos that are dragged here, pasted or picked: `onPhoto(file)` gets each, one at a time. */

import { announce } from "./dom.js";
import { t } from "./i18n.js";

export function mountDrop({ zone, pick, input, onPhoto }) {
  let depth = 0; // of elements that the drag has entered
  let isOwn = false; // a photo of this page is dragged

  const close = () => {
    depth = 0;
    zone.hidden = true;
  };
  const take = (files) => {
    if (files.length > 0) {
      onPhoto(files[0]);
      announce(t("drop.reading"));
    }
  };

  addEventListener("dragstart", () => {
    isOwn = true;
  });
  addEventListener("dragend", () => {
    isOwn = false;
  });
  addEventListener("dragenter", (event) => {
    if (!isOwn && hasFiles(event)) {
      event.preventDefault();
      depth += 1;
      zone.hidden = false;
    }
  });
  addEventListener("dragleave", () => {
    depth -= 1;
    if (depth <= 0) {
      close();
    }
  });
  addEventListener("dragover", (event) => {
    if (!isOwn && hasFiles(event)) {
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
    }
  });
  addEventListener("drop", (event) => {
    if (!isOwn && hasFiles(event)) {
      event.preventDefault();
      take(event.dataTransfer.files);
    }
    close();
  });
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0) {
      event.preventDefault();
      take(files);
    }
  });
  pick.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    take(input.files);
    input.value = ""; // the same photo may be picked again
  });
}

function hasFiles(event) {
  return event.dataTransfer?.types.includes("Files") ?? false;
}
