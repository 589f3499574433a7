/// How far forecasts were off.
package struct SeriesErrors: Sendable, Equatable {
    package var meanAbsolute: Double
    package var rootMeanSquare: Double
    /// Mean absolute error over that of the seasonal naive forecast within the history (Hyndman and Koehler 2006,
    /// IJF 22:679–688); nil where that one makes no error.
    package var scaled: Double?
    /// The same of squares, and its root (M5: Makridakis, Spiliotis and Assimakopoulos 2022, IJF 38:1346–1364),
    /// by the naive forecast.
    package var rootScaledSquare: Double?
    /// Mean of |error| / actual; nil where an actual is 0.
    package var percentage: Double?

    /// - Parameters:
    ///   - actual, forecast: shape [m], m ≥ 1.
    ///   - history: what came before, by which errors are scaled.
    ///   - period: of the naive forecast that scales the absolute errors.
    package init(actual: [Double], forecast: [Double], history: [Double], period: Int) {
        precondition(actual.count == forecast.count && !actual.isEmpty)
        let count = Double(actual.count)
        let errors = zip(actual, forecast).map { $0 - $1 }
        let absolute = errors.reduce(0) { $0 + abs($1) } / count
        let square = errors.reduce(0) { $0 + $1 * $1 } / count
        meanAbsolute = absolute
        rootMeanSquare = square.squareRoot()
        let season = SeriesErrors.steps(history, period)
        let scale = season.reduce(0) { $0 + abs($1) }
        scaled = scale > 0 ? absolute / (scale / Double(season.count)) : nil
        let steps = SeriesErrors.steps(history, 1)
        let squares = steps.reduce(0) { $0 + $1 * $1 }
        rootScaledSquare = squares > 0 ? (square / (squares / Double(steps.count))).squareRoot() : nil
        percentage =
            actual.contains(0)
            ? nil : zip(errors, actual).reduce(0) { $0 + abs($1.0 / $1.1) } / count
    }

    private static func steps(_ history: [Double], _ period: Int) -> [Double] {
        guard history.count > period else { return [] }
        return (period..<history.count).map { history[$0] - history[$0 - period] }
    }
}
