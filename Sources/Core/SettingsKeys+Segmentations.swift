/// Keys of the segmentations beside the first.
extension SettingsKeys {
    static let segmentationKeys =
        segmentation(
            "value", k: \.models.value.k, features: \.models.value.features,
            transform: \.models.value.transform, method: \.models.value.method,
            restarts: \.models.value.restarts, iterations: \.models.value.iterations,
            minimumUsers: \.models.value.minimumUsers)
        + segmentation(
            "payments", k: \.models.payments.k, features: \.models.payments.features,
            transform: \.models.payments.transform, method: \.models.payments.method,
            restarts: \.models.payments.restarts, iterations: \.models.payments.iterations,
            minimumUsers: \.models.payments.minimumUsers)

    private static func segmentation(
        _ name: String, k: SettingsKey.Path<Int>, features: SettingsKey.Path<[String]>,
        transform: SettingsKey.Path<String>, method: SettingsKey.Path<String>,
        restarts: SettingsKey.Path<Int>, iterations: SettingsKey.Path<Int>,
        minimumUsers: SettingsKey.Path<Int>
    ) -> [SettingsKey] {
        [
            SettingsKey(
                "models.\(name).k", .count(k, 0...20), "Groups; 0: chosen by the data."),
            SettingsKey(
                "models.\(name).features", .names(features, known: segmentationFeatures, atLeast: 1),
                "What users are grouped by; buyers alone where a feature is of purchases."),
            transformKey(name, transform),
            SettingsKey(
                "models.\(name).method", .text(method),
                "payment_method that the features method_… and other_line_mean ask about."),
            SettingsKey(
                "models.\(name).restarts", .count(restarts, 1...1000),
                "Starts of k-means, the best of which is kept."),
            SettingsKey(
                "models.\(name).iterations", .count(iterations, 1...100_000),
                "Most iterations of one start."),
            SettingsKey(
                "models.\(name).minimum_users", .count(minimumUsers, 2...many), "Fewest users for a fit."),
        ]
    }

    static func transformKey(_ name: String, _ path: SettingsKey.Path<String>) -> SettingsKey {
        SettingsKey(
            "models.\(name).transform", .choice(path, of: transforms),
            "What is done to features before users are compared; log: ln(1 + x).")
    }
}
