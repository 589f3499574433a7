/// Segmentations under names of one's own: each an object with the keys of those that are built in.
extension SettingsKeys {
    /// Far more than anybody looks at; each costs a byte a user.
    private static let mostSegmentations = 16

    static let ownSegmentations = SettingsKey(
        "models.segmentations", .shaped(read: readSegmentations, write: writeSegmentations),
        "Further segmentations under names of your own, fitted because they are named, with the keys of value: "
            + "{loyalty: {features: [\"frequency\", \"recency_d\"], transform: \"log\", k: 0}}.")

    @Sendable
    private static func readSegmentations(
        _ value: JSONValue, _ settings: inout Settings, _ zone: (String) -> Zone?
    ) throws(SettingRefusal) {
        guard case .object(let members) = value else {
            throw value.refusal(wanted: "an object, {NAME: {features: […]}}")
        }
        guard members.count <= mostSegmentations else {
            throw SettingRefusal("must be at most \(mostSegmentations) segmentations")
        }
        var own: [String: Settings.SegmentsModel] = [:]
        for member in members {
            do throws(SettingRefusal) {
                guard isName(member.key) else {
                    throw SettingRefusal(
                        "must begin with a letter and have at most 32 of a to z, 0 to 9 and _")
                }
                guard !knownModels.contains(member.key) else {
                    throw SettingRefusal("is the name of a model already")
                }
                own[member.key] = try segmentation(member.value, zone)
            } catch {
                throw SettingRefusal(error.reason, below: [member.key] + error.below)
            }
        }
        settings.models.ownSegmentations = own
    }

    /// Whether a segmentation beside the first may have this name.
    static func isSegmentation(_ name: String) -> Bool {
        segmentations.contains(name) || isName(name) && !knownModels.contains(name)
    }

    private static func isName(_ text: String) -> Bool {
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard let first = text.utf8.first, letters.contains(first), text.utf8.count <= 32 else {
            return false
        }
        return text.utf8.allSatisfy { letters.contains($0) || digits.contains($0) || $0 == UInt8(ascii: "_") }
    }

    /// Reads one by the keys of the built-in one that buyers are grouped by.
    private static func segmentation(
        _ value: JSONValue, _ zone: (String) -> Zone?
    ) throws(SettingRefusal) -> Settings.SegmentsModel {
        guard case .object(let members) = value else {
            throw value.refusal(wanted: "an object, {features: […], k: 4}")
        }
        var scratch = Settings()
        scratch.models.value = .own
        for member in members {
            guard let key = keys.first(where: { $0.name == member.key })?.key else {
                throw SettingRefusal(
                    "unknown key; a segmentation has \(keys.map(\.name).joined(separator: ", "))",
                    below: [member.key])
            }
            do throws(SettingRefusal) { try key.apply(member.value, to: &scratch, zone: zone) } catch {
                throw SettingRefusal(error.reason, below: [member.key] + error.below)
            }
        }
        guard !scratch.models.value.features.isEmpty else { throw SettingRefusal("names no features") }
        return scratch.models.value
    }

    private static let keys: [(name: String, key: SettingsKey)] = segmentationKeys.compactMap { key in
        let parts = key.path.split(separator: ".")
        return parts.count == 3 && parts[1] == "value" ? (String(parts[2]), key) : nil
    }

    @Sendable
    private static func writeSegmentations(_ settings: Settings) -> JSONValue {
        .object(
            settings.models.ownSegmentations.sorted { $0.key < $1.key }.map { name, chosen in
                var scratch = Settings()
                scratch.models.value = chosen
                return .init(name, .object(keys.map { .init($0.name, $0.key.value(in: scratch)) }))
            })
    }
}
