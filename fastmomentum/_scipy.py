"""`scipy_method`: our methods where another package takes a minimizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ._check.arguments import check_jac, check_method, check_unsupported
from ._check.bounds import check_box, check_fixed_integers
from ._check.options import check_option_names, option_names
from ._check.values import nearest
from ._minimize.minimize import minimize
from ._report.result import OptimizeResult
from ._report.warnings import warn

# Keywords of statsmodels' `fit` that are no options of a minimizer, or that have their own place.
_STATSMODELS_OWN = ("extra_fit_funcs", "cov_params_func", "niter", "min_method")


def scipy_method(method: str | None = None, *, jac: Any = None, **options: Any) -> ScipyMethod:
    r"""Make a method for ``scipy.optimize.minimize``, and for packages that call it.

    Parameters
    ----------
    method : str, optional
        As for `minimize`.
    jac : callable, bool or {'2-point', '3-point', 'cs'}, optional
        As for `minimize`: the gradient where the host passes none, as many cannot.
    **options
        Options of the method, as for `minimize`. Those that a call gives win.

    Returns
    -------
    ScipyMethod
        Called with the arguments of `minimize` and with options as keywords; returns what
        `minimize` does. Can be pickled. Its methods ``for_rv_fit``, ``for_stats_fit``,
        ``for_sklearn`` and ``for_statsmodels`` are the same minimizer for hosts that call it in
        another way.

    Raises
    ------
    ValueError, TypeError
        If `method`, `jac` or the name of an option is not valid.

    Notes
    -----
    With ``m = scipy_method(...)``, each host takes

    ===========================================  ================================================
    ``scipy.optimize.minimize``                  ``method=m``
    ``basinhopping``                             ``minimizer_kwargs={"method": m, "jac": jac}``
    ``dual_annealing``                           ``minimizer_kwargs={"method": m,
                                                 "bounds": bounds}``
    ``differential_evolution``                   ``polish=m``
    ``scipy.stats``, ``rv.fit``                  ``optimizer=m.for_rv_fit``
    ``scipy.stats.fit``                          ``optimizer=m.for_stats_fit``
    lmfit, ``Minimizer(...).scalar_minimize``    ``method=m``
    statsmodels, ``fit``                         ``method="fastmomentum", extra_fit_funcs=
                                                 {"fastmomentum": m.for_statsmodels}``; or
                                                 ``method="minimize", min_method=m``
    scikit-learn, Gaussian processes             ``optimizer=m.for_sklearn``
    ===========================================  ================================================

    ``minimize``, ``basinhopping`` and ``differential_evolution`` pass Numba functions on, and the
    loop is compiled as in `minimize`, also with ``jac=True``, for which SciPy wraps `fun`. The
    others pass Python functions of their own, which the loop then calls.

    SciPy passes ``jac="3-point"`` on as None, that is, forward differences, and lmfit passes no
    gradient: give `jac` here. ``differential_evolution`` leaves out its `args`: use
    ``polish=functools.partial(m, args=args)``. statsmodels passes no bounds to ``min_method``, but
    a Hessian, which is not used: a RuntimeWarning says so.

    Keywords that are no options of the method, which a host may have meant for another, are left
    out with SciPy's ``OptimizeWarning``.

    Examples
    --------
    >>> from scipy.optimize import basinhopping, minimize, rosen, rosen_der
    >>> from fastmomentum import scipy_method
    >>> method = scipy_method("nesterov", gtol=1e-6)
    >>> method
    scipy_method('nesterov', gtol=1e-06)
    >>> res = minimize(rosen, [1.3, 0.7], method=method, jac=rosen_der)
    >>> res.success, res.x.round(3)
    (True, array([1., 1.]))

    A compiled objective stays compiled inside its host:

    >>> from numba import njit
    >>> @njit
    ... def wells(x, out):  # the lower one is near -1
    ...     out[0] = 4.0 * x[0] * (x[0] ** 2 - 1.0) + 0.3
    ...     return (x[0] ** 2 - 1.0) ** 2 + 0.3 * x[0]
    >>> kwargs = {"method": scipy_method(), "jac": True}
    >>> res = basinhopping(wells, [1.0], niter=20, stepsize=2.0, minimizer_kwargs=kwargs, rng=0)
    >>> res.x.round(3), res.lowest_optimization_result.backend
    (array([-1.036]), 'numba')
    """
    chosen = check_method(method)
    check_option_names(chosen, options)
    if jac is not None:
        check_jac(jac)
    return ScipyMethod(chosen.name, jac, options)


class ScipyMethod:
    """A minimizer with its options, as `scipy_method` makes it.

    Parameters
    ----------
    method : str
        Name of the method.
    jac : callable, bool or str, optional
        The gradient where the host passes none.
    options : dict
        Options of the method.
    """

    def __init__(self, method: str, jac: Any, options: Mapping[str, Any]):
        self.method = method
        self.jac = jac
        self.options = dict(options)

    def __repr__(self) -> str:
        given = {} if self.jac is None else {"jac": self.jac}
        shown = [f"{name}={value!r}" for name, value in {**given, **self.options}.items()]
        return f"scipy_method({', '.join([repr(self.method), *shown])})"

    def __call__(
        self,
        fun: Any,
        x0: Any,
        args: Any = (),
        jac: Any = None,
        hess: Any = None,
        hessp: Any = None,
        bounds: Any = None,
        constraints: Any = (),
        tol: float | None = None,
        callback: Callable | None = None,
        **options: Any,
    ) -> OptimizeResult:
        """Minimize, as ``scipy.optimize.minimize`` calls a method.

        Parameters
        ----------
        fun, x0, args, jac, hess, hessp, bounds, constraints, tol, callback
            As for `fastmomentum.minimize`.
        **options
            Options of the method; others give an OptimizeWarning.

        Returns
        -------
        OptimizeResult
        """
        check_unsupported(check_method(self.method), hess, hessp, constraints)
        fun, jac = _as_given(fun, jac)
        if jac is None or jac is False:
            jac = self.jac
        merged = {**self.options, **self._known(options)}
        if tol is not None and options.get("gtol") is None:
            merged.pop("gtol", None)
        return minimize(
            fun,
            x0,
            args,
            self.method,
            jac,
            bounds=bounds,
            tol=tol,
            callback=callback,
            options=merged,
        )

    def for_rv_fit(self, func: Any, x0: Any, args: Any = (), disp: Any = 0) -> np.ndarray:
        """Minimize for ``rv.fit(data, optimizer=...)`` of a distribution of ``scipy.stats``.

        Parameters
        ----------
        func, x0, args
            As for `fastmomentum.minimize`. Gradients are by '3-point' unless `scipy_method` was
            given `jac`: in sums over many data the rounding spoils '2-point'.
        disp : ignored
            What `scipy_method` was given counts.

        Returns
        -------
        ndarray
            The solution; an OptimizeWarning tells if the run did not converge.

        Examples
        --------
        >>> import numpy as np
        >>> from scipy.stats import t
        >>> from fastmomentum import scipy_method
        >>> data = t.rvs(4.0, loc=1.0, scale=3.0, size=500, random_state=1)
        >>> np.round(t.fit(data, optimizer=scipy_method().for_rv_fit), 2)
        array([4.63, 1.24, 2.89])
        """
        result = self(func, x0, args, self.jac or "3-point")
        if not result.success:
            from scipy.optimize import OptimizeWarning

            _warn_of_failure(result, OptimizeWarning)
        return result.x

    def for_stats_fit(
        self, fun: Any, bounds: Any = None, integrality: Any = None, x0: Any = None
    ) -> OptimizeResult:
        """Minimize for ``scipy.stats.fit(dist, data, bounds, optimizer=...)``.

        It searches for a local minimum from the guess, or else from the middle of the bounds.

        Parameters
        ----------
        fun, x0, bounds
            As for `fastmomentum.minimize`; gradients as for `for_rv_fit`.
        integrality : array_like of bool, optional
            Parameters that must be integers; their bounds must be equal.

        Returns
        -------
        OptimizeResult

        Examples
        --------
        >>> from scipy.stats import fit, gamma
        >>> from fastmomentum import scipy_method
        >>> data = gamma.rvs(2.0, scale=3.0, size=500, random_state=1)
        >>> bounds = {"a": (0.1, 10.0), "scale": (0.1, 10.0)}
        >>> found = fit(gamma, data, bounds, optimizer=scipy_method().for_stats_fit)
        >>> found.success, round(float(found.params.a), 2)
        (True, 2.0)
        """
        if integrality is not None:
            check_fixed_integers(integrality, bounds)
        if x0 is None:
            lower, upper = check_box(bounds)
            x0 = lower + 0.5 * (upper - lower)
        return self(fun, x0, jac=self.jac or "3-point", bounds=bounds)

    def for_sklearn(
        self, obj_func: Any, initial_theta: Any, bounds: Any = None
    ) -> tuple[np.ndarray, float]:
        """Minimize for ``GaussianProcessRegressor(optimizer=...)``, and the classifier.

        Parameters
        ----------
        obj_func : callable
            Returns value and gradient.
        initial_theta, bounds
            x0 and bounds, as for `fastmomentum.minimize`.

        Returns
        -------
        (ndarray, float)
            The solution and its value; scikit-learn's ConvergenceWarning tells if the run did not
            converge.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.gaussian_process import GaussianProcessRegressor
        >>> from sklearn.gaussian_process.kernels import RBF
        >>> from fastmomentum import scipy_method
        >>> X = np.linspace(0.0, 6.0, 12)[:, None]
        >>> optimizer = scipy_method("momentum").for_sklearn
        >>> model = GaussianProcessRegressor(RBF(), alpha=1e-3, optimizer=optimizer)
        >>> model.fit(X, np.sin(X[:, 0])).kernel_
        RBF(length_scale=1.93)
        """
        result = self(obj_func, initial_theta, jac=True, bounds=bounds)
        if not result.success:
            from sklearn.exceptions import ConvergenceWarning

            _warn_of_failure(result, ConvergenceWarning)
        return result.x, result.fun

    def for_statsmodels(
        self,
        objective: Any,
        gradient: Any,
        start_params: Any,
        fargs: tuple,
        kwargs: Mapping[str, Any],
        disp: Any = True,
        maxiter: int | None = None,
        callback: Callable | None = None,
        retall: bool = False,
        full_output: bool = True,
        hess: Any = None,
    ) -> tuple[np.ndarray, dict[str, Any] | None]:
        """Minimize for ``fit(method=name, extra_fit_funcs={name: ...})`` of statsmodels' models.

        Parameters
        ----------
        objective, gradient, start_params, fargs
            fun, jac, x0 and args, as for `fastmomentum.minimize`.
        kwargs : dict
            Further keywords of ``fit``: `bounds`, `constraints`, `tol`, and options.
        disp, maxiter, callback, retall, full_output
            Keywords of ``fit``, which has defaults for them (maxiter is 35 or 100, few for a
            first-order method): `disp` and `maxiter` of `scipy_method` win.
        hess : ignored
            A function for the Hessian.

        Returns
        -------
        (ndarray, dict or None)
            The solution, and what becomes ``mle_retvals``.

        Examples
        --------
        >>> import numpy as np
        >>> from statsmodels.api import Logit
        >>> from fastmomentum import scipy_method
        >>> X = np.column_stack([np.ones(8), np.arange(8.0)])
        >>> model = Logit(np.array([0, 0, 1, 0, 1, 0, 1, 1]), X)
        >>> ours = {"fastmomentum": scipy_method("nesterov", maxiter=1000).for_statsmodels}
        >>> fit = model.fit(method="fastmomentum", extra_fit_funcs=ours, disp=False)
        >>> fit.converged, fit.params.round(2)
        (True, array([-2.08,  0.59]))
        """
        passed = {"disp": disp, "maxiter": maxiter}
        options = {name: passed[name] for name in passed if name not in self.options}
        if retall:
            options["return_all"] = True
        options.update((k, v) for k, v in kwargs.items() if k not in _STATSMODELS_OWN)
        result = self(objective, start_params, fargs, gradient, callback=callback, **options)
        if not full_output:
            return result.x, None
        report = {
            "fopt": result.fun,
            "gopt": result.jac,
            "iterations": result.nit,
            "fcalls": result.nfev,
            "gcalls": result.njev,
            "warnflag": result.status,
            "converged": result.success,
        }
        if retall:
            report["allvecs"] = result.allvecs
        return result.x, report

    def _known(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options that the method has, and that are given; a warning of the others."""
        valid = option_names(check_method(self.method))
        given = {name: value for name, value in options.items() if value is not None}
        unknown = [name for name in given if name not in valid]
        if unknown:
            from scipy.optimize import OptimizeWarning

            hint = nearest(unknown[0], valid) if len(unknown) == 1 else ""
            warn(f"Unknown solver options: {', '.join(unknown)}.{hint}", OptimizeWarning)
        return {name: value for name, value in given.items() if name in valid}


def _as_given(fun: Any, jac: Any) -> tuple[Any, Any]:
    """`fun` and `jac` as the user gave them to SciPy, which wraps `fun` for jac=True."""
    wrapper = type(fun)
    wrapped = wrapper.__name__ == "MemoizeJac" and wrapper.__module__.startswith("scipy.optimize")
    if wrapped and jac == fun.derivative:
        return fun.fun, True
    return fun, jac


def _warn_of_failure(result: OptimizeResult, category: type[Warning]) -> None:
    warn(f"The minimization did not converge (status {result.status}): {result.message}", category)
