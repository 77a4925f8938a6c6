// What must hold before the page is there: the chosen theme at the first paint, and a sentence in place of the page where
// it cannot be started. Read by browsers of any age, so in their oldest common words.

(function () {
  try {
    // The page's theme button writes the same key.
    var theme = localStorage.getItem('clozelab-theme');
    if (theme === 'dark' || theme === 'light') document.documentElement.setAttribute('data-theme', theme);
  } catch (denied) {
    // Storage is denied: the system's theme holds.
  }

  /** Says why the page stays empty, once, and what can be done. */
  window.cannotStart = function (reason) {
    var main = document.querySelector('#app main');
    var status = document.querySelector('#app .device');
    if (!main || document.getElementById('cannot-start')) return;
    if (status) {
      status.setAttribute('data-state', 'stopped');
      (status.querySelector('.chip') || status).textContent = 'Page was not started';
    }
    var line = document.createElement('p');
    line.id = 'cannot-start';
    line.setAttribute('role', 'alert');
    line.appendChild(document.createTextNode(reason + ' The same engine runs on the command line: '));
    line.appendChild(document.createElement('code')).textContent = 'clozelab demo';
    line.appendChild(document.createTextNode('.'));
    main.appendChild(line);
  };

  // A script that does not arrive, or one that it needs, tells nobody but its element.
  window.addEventListener(
    'error',
    function (event) {
      var script = event.target;
      var isOurs = script && script.tagName === 'SCRIPT' && script.src.indexOf(location.origin + '/') === 0;
      // Once the page stands, whatever else fails is not what keeps it from starting.
      if (isOurs && !document.querySelector('[data-testid=device]')) {
        window.cannotStart(
          'A part of the page could not be loaded. Reload it; where an extension or the network blocks scripts, allow those of this address.'
        );
      }
    },
    true
  );
})();
