import Foundation
import Models

func logarithm(_ value: Double) -> Double { log(value) }

/// A visit log's users: mostly one visit, a few with many, some who buy.
func visitors(_ users: Int, seed: UInt64) -> Table {
    var generator = SeededGenerator(seed: seed)
    let names = [
        "add_to_cart", "begin_checkout", "first_visit", "login", "purchase", "session_start", "sign_up",
        "long_total_s",
    ]
    var features = names.map { _ in [Double]() }
    var sides = (0..<4).map { _ in [Double]() }
    var held: [UInt8] = []
    for _ in 0..<users {
        let sessions = Double(min(300, Int(pow(1 - generator.uniform(), -1 / 1.3))))
        func some(_ rate: Double) -> Double {
            (0..<Int(sessions)).reduce(0.0) { sum, _ in sum + (generator.uniform() < rate ? 1 : 0) }
        }
        let purchases = some(0.06)
        let row = [
            some(0.05), some(0.2), generator.uniform() < 0.8 ? 1 : 0, some(0.03), purchases, sessions,
            generator.uniform() < 0.01 ? 1 : 0,
            sessions > 1 ? generator.exponential(mean: 900 * sessions) : 0,
        ]
        for (index, value) in row.enumerated() { features[index].append(value) }
        let age = generator.uniform() * 180
        let silence = age * generator.uniform()
        sides[0].append(silence)
        sides[1].append(purchases > 0 ? silence : .nan)
        sides[2].append(purchases * 50_000)
        sides[3].append(age)
        held.append(generator.uniform() < 0.2 ? 1 : 0)
    }
    var table = Table(features, names: names)
    table.daysSinceLastEvent = sides[0]
    table.daysSinceLastPurchase = sides[1]
    table.revenue = sides[2]
    table.daysSinceFirstEvent = sides[3]
    table.heldOut = held
    return table
}

/// Users around given centres, with deviation 1.
func blobs(_ centres: [[Double]], each: Int, seed: UInt64) -> Table {
    var generator = SeededGenerator(seed: seed)
    var features = centres[0].map { _ in [Double]() }
    for centre in centres {
        for _ in 0..<each {
            for (index, value) in centre.enumerated() { features[index].append(value + generator.normal()) }
        }
    }
    return Table(features)
}

func exponential(_ value: Double) -> Double { exp(value) }
