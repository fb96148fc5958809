setInterval(async () => {
  const shown = document.getElementById("gradebook");
  // Somebody is typing a grade: leave the page alone.
  if (shown.contains(document.activeElement)) return;
  try {
    const answer = await fetch(location.href);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("gradebook");
    if (fresh && fresh.innerHTML !== shown.innerHTML && !shown.contains(document.activeElement)) {
      shown.innerHTML = fresh.innerHTML;
    }
  } catch (unreachable) { /* the simulator is being restarted: try again at the next turn */ }
}, 2000);
