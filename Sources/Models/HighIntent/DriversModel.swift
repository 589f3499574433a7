/// What goes with conversion: a logistic regression, unscaled and with an L2 penalty of C = 1, of whether a user
/// ever bought on eight plain counts, over all users who ever put something into a cart.
///
/// A description and no forecast: counts go up to now, and so partly follow the purchase. What is known before
/// it is `HighIntentModel`'s.
package struct DriversModel: StoredModel {
    package static let name = "drivers"

    /// In the order of the columns; the device is 0 for mobile and 1 for desktop.
    package static let predictors = [
        "add_to_cart", "begin_checkout", "first_visit", "login", "session_start", "sign_up", "device",
        "long_total_s",
    ]

    /// Per unit of each predictor, logarithms of the odds; shape [8].
    package let coefficients: [Double]
    package let intercept: Double

    init(coefficients: [Double], intercept: Double) {
        self.coefficients = coefficients
        self.intercept = intercept
    }

    /// The share of such users who bought.
    package func probability(_ row: [Double]) -> Double {
        logistic(zip(coefficients, row).reduce(intercept) { $0 + $1.0 * $1.1 })
    }
}

extension DriversModel {
    private static let magic: UInt32 = 0x5652_4452  // RDRV
    private static let version: UInt32 = 1

    package var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.put(DriversModel.magic)
        writer.put(DriversModel.version)
        writer.put(coefficients)
        writer.put(intercept)
        return writer.bytes
    }

    package init(bytes: [UInt8]) throws(CodingFailure) {
        self = try readBytes(bytes) { (reader) throws(CodingFailure) in
            guard try reader.uint32() == DriversModel.magic else { throw CodingFailure.badMagic }
            let version = try reader.uint32()
            guard version == DriversModel.version else { throw CodingFailure.badVersion(version) }
            let at = reader.position
            let coefficients = try reader.doubles()
            let intercept = try reader.double()
            try reader.finish()
            guard coefficients.count == DriversModel.predictors.count,
                (coefficients + [intercept]).allSatisfy(\.isFinite)
            else { throw CodingFailure.badValue(at: at) }
            return DriversModel(coefficients: coefficients, intercept: intercept)
        }
    }
}
