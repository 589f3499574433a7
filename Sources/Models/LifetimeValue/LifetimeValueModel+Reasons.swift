extension LifetimeValueModel {
    /// A buyer of the means of those the model was fitted on: what a value is explained against.
    package struct MeanBuyer: Sendable, Equatable {
        /// Purchase days − 1.
        package var frequency: Double
        /// Days from the first to the last purchase day.
        package var recency: Double
        /// Days from the first purchase day to the as-of day of the fit.
        package var age: Double
        /// Of those who bought again, revenue per repeat purchase day, money.
        package var monetaryValue: Double

        package init(frequency: Double, recency: Double, age: Double, monetaryValue: Double) {
            self.frequency = frequency
            self.recency = recency
            self.age = age
            self.monetaryValue = monetaryValue
        }

        var values: [Double] { [frequency, recency, age, monetaryValue] }
    }

    /// Why a value is what it is.
    package struct Reason: Sendable, Equatable {
        package var feature: String
        package var value: Double
        /// What it adds to the value of the mean buyer, money.
        package var contribution: Double
    }

    /// Features of a buyer, as a user's page names them.
    package static let features = ["frequency", "recency_d", "T_d", "monetary_value"]

    /// What of a buyer moved the value at the first horizon away from the mean buyer's, the strongest first;
    /// features that did not are left out. Empty for a model that was kept without its mean buyer.
    ///
    /// The exact Shapley values (Shapley 1953) of the game in which the features of a coalition are the buyer's
    /// and the others the mean buyer's, so that they add up to the difference of the two values. Who has not
    /// bought again has no mean amount: there it is the mean buyer's and moves nothing.
    package func reasons(
        frequency: Double, recency: Double, age: Double, monetaryValue: Double
    ) -> [Reason] {
        guard let meanBuyer else { return [] }
        let own = [frequency, recency, age, frequency > 0 ? monetaryValue : meanBuyer.monetaryValue]
        let parts = shapley(own, against: meanBuyer.values)
        return parts.indices.filter { parts[$0] != 0 }
            .sorted { (-abs(parts[$0]), $0) < (-abs(parts[$1]), $1) }
            .map { Reason(feature: Self.features[$0], value: own[$0], contribution: parts[$0]) }
    }

    /// - Returns: one value a feature, of the worth of all 2⁴ coalitions.
    private func shapley(_ own: [Double], against mean: [Double]) -> [Double] {
        let count = own.count
        let worth = (0..<1 << count).map { coalition in
            value(own.indices.map { coalition >> $0 & 1 == 1 ? own[$0] : mean[$0] })
        }
        // |S|! (n − |S| − 1)! / n! of a coalition S that a feature joins.
        var weights = [1.0 / Double(count)]
        for size in 1..<count { weights.append(weights[size - 1] * Double(size) / Double(count - size)) }
        return own.indices.map { feature in
            worth.indices.filter { $0 >> feature & 1 == 0 }.reduce(0) {
                $0 + weights[$1.nonzeroBitCount] * (worth[$1 | 1 << feature] - worth[$1])
            }
        }
    }

    /// At the first horizon. A coalition's last purchase may be beyond its age; it is then as of that purchase.
    private func value(_ buyer: [Double]) -> Double {
        predict(
            frequency: buyer[0], recency: buyer[1], age: max(buyer[1], buyer[2]), monetaryValue: buyer[3],
            horizonDays: Double(horizon)
        ).value
    }
}
