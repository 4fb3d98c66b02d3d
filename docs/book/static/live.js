// Where scripts run, the pages come alive: each stands in a frame in place of its picture.
for (const place of document.querySelectorAll(".live")) {
  const link = place.querySelector("a");
  const picture = place.querySelector("img");
  const frame = document.createElement("iframe");
  frame.src = link.href;
  frame.loading = "lazy";
  frame.title = picture ? picture.alt : link.textContent;
  if (picture) picture.replaceWith(frame);
  else place.prepend(frame);
}
