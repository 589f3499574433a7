import Foundation
import Models

/// Users who put something into a cart, owning their storage; whether they bought follows from some of it.
struct Carts {
    /// In the order of `DriversModel.predictors`.
    var predictors: [[Double]]
    var converted: [UInt8]
    /// Not 0 for every fifth.
    var heldOut: [UInt8]

    static let truth = [0.4, 0.9, 0, 0.5, -0.1, 0, -0.8, 0.0002]

    init(_ users: Int, seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        predictors = DriversModel.predictors.map { _ in [] }
        converted = []
        heldOut = (0..<users).map { $0 % 5 == 0 ? 1 : 0 }
        for _ in 0..<users {
            let row = [
                1 + generator.exponential(mean: 1.5).rounded(.down),
                generator.exponential(mean: 1).rounded(.down), generator.uniform() < 0.8 ? 1 : 0,
                generator.exponential(mean: 0.5).rounded(.down),
                1 + generator.exponential(mean: 4).rounded(.down), generator.uniform() < 0.1 ? 1 : 0,
                generator.uniform() < 0.4 ? 1 : 0, generator.exponential(mean: 2_000),
            ]
            for (index, value) in row.enumerated() { predictors[index].append(value) }
            let odds = zip(Carts.truth, row).reduce(-1.8) { $0 + $1.0 * $1.1 }
            converted.append(generator.uniform() < 1 / (1 + exp(-odds)) ? 1 : 0)
        }
    }

    var users: Int { converted.count }

    func fit(previous: DriversModel? = nil) throws -> Fitted<DriversModel> {
        let stores = predictors.map { values in
            let store = UnsafeMutableBufferPointer<Double>.allocate(capacity: values.count)
            _ = store.initialize(from: values)
            return store
        }
        defer { for store in stores { store.deallocate() } }
        return try converted.withUnsafeBufferPointer { converted in
            try heldOut.withUnsafeBufferPointer { held in
                try DriversModel.fit(
                    DriversColumns(
                        predictors: stores.map { UnsafeBufferPointer($0) }, converted: converted,
                        heldOut: held), config: DriversConfig(), previous: previous)
            }
        }
    }

    func request() -> [UInt8] {
        FitRequest.drivers(
            predictors: predictors, converted: converted, heldOut: heldOut, config: DriversConfig(),
            previous: nil
        ).bytes
    }

    func reordered(_ order: [Int]) -> Carts {
        var carts = self
        carts.predictors = predictors.map { column in order.map { column[$0] } }
        carts.converted = order.map { converted[$0] }
        carts.heldOut = order.map { heldOut[$0] }
        return carts
    }
}
