"""How often the verdict errs: boards of networks whose true figures are known, by the thousand."""
