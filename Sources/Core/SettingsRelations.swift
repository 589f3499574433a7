/// `host:port` of a listener.
package struct ListenAddress: Sendable, Equatable {
    package var host: String
    package var port: UInt16

    /// `127.0.0.1:7001`, `localhost:0`, `[::1]:7001`; nil where it is not of that form.
    package init?(_ text: String) {
        guard Self.reasonAgainst(text) == nil, let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...])
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        self.host = String(host)
        self.port = port
    }

    /// As it is read.
    package var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Reaches no other machine.
    package var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }

    /// Nil where the text is an address.
    package static func reasonAgainst(_ text: String) -> String? {
        guard let colon = text.lastIndex(of: ":") else {
            return "\"\(text)\" is not an address: host:port, as in \"127.0.0.1:7001\""
        }
        let host = text[..<colon]
        let port = text[text.index(after: colon)...]
        if host.isEmpty { return "\"\(text)\" names no host; for every interface say \"0.0.0.0\(text)\"" }
        if host.contains(":"), !(host.hasPrefix("[") && host.hasSuffix("]")) {
            return "\"\(text)\": an IPv6 host stands in brackets, as in \"[::1]:7001\""
        }
        guard port.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(port) else {
            return "\"\(text)\": the port is not a number"
        }
        return number <= 65_535 ? nil : "\"\(text)\": ports are 0 to 65535"
    }
}

/// A value that is fine by itself and impossible beside another.
package struct SettingsConflict: Sendable, Equatable {
    /// Key that a person would change.
    package var path: String
    package var reason: String

    package init(_ path: String, _ reason: String) {
        self.path = path
        self.reason = reason
    }
}

extension Settings {
    /// Everything that does not fit together, in the order of the keys.
    package var conflicts: [SettingsConflict] {
        listenConflicts + sinkConflicts + sessionConflicts + schema.conflicts + modelConflicts
            + segmentationConflicts + models.tiers.conflicts + models.recommendations.conflicts
            + outcomeConflicts + replenishConflicts + ruleConflicts
            + analytics.conflicts(keep: sessions.keepMicroseconds) + limitConflicts
    }

    /// A feature of how purchases are paid needs to know which method of payment.
    private var segmentationConflicts: [SettingsConflict] {
        models.fitted.compactMap { name in
            guard let chosen = models.segmentation(name),
                chosen.method.isEmpty,
                let feature = chosen.features.first(where: SettingsKeys.methodFeatures.contains)
            else { return nil }
            let isOwn = models.ownSegmentations[name] != nil
            return .init(
                isOwn ? "models.segmentations" : "models.\(name).method",
                "\(feature) asks about a payment_method, and none is named")
        }
    }

    private var listenConflicts: [SettingsConflict] {
        var conflicts: [SettingsConflict] = []
        var taken: [String: String] = [:]
        for (name, endpoint) in [
            ("ingest", listen.ingest), ("triggers", listen.triggers), ("status", listen.status),
        ] {
            let path = "listen.\(name).address"
            guard let address = ListenAddress(endpoint.address) else { continue }
            if !address.isLoopback, !endpoint.insecure, endpoint.tls == nil || endpoint.tokenFile.isEmpty {
                conflicts.append(
                    .init(
                        path,
                        "\(endpoint.address) can be reached from other machines: give listen.\(name).tls and "
                            + "listen.\(name).token_file, listen on 127.0.0.1, or say "
                            + "listen.\(name).insecure: true"))
            }
            guard address.port != 0 else { continue }
            if let other = taken[endpoint.address] {
                conflicts.append(.init(path, "\(endpoint.address) is also the address of listen.\(other)"))
            }
            taken[endpoint.address] = name
        }
        return conflicts + sourceConflicts
    }

    private var sourceConflicts: [SettingsConflict] {
        var conflicts: [SettingsConflict] = []
        var seen: Set<String> = []
        for source in listen.sources {
            if source.address == listen.ingest.address {
                conflicts.append(
                    .init("listen.sources", "\(source.address) is the address of listen.ingest itself"))
            }
            if !seen.insert(source.address).inserted {
                conflicts.append(
                    .init(
                        "listen.sources",
                        "\(source.address) is named twice, so that its lines would count twice"))
            }
        }
        if listen.sources.count > limits.sources {
            conflicts.append(
                .init(
                    "listen.sources",
                    "there are \(listen.sources.count); at most limits.sources, \(limits.sources), are read"))
        }
        if limits.sourceRetryLeast > limits.sourceRetryMost {
            conflicts.append(
                .init(
                    "limits.source_retry_least",
                    "\(DurationText.text(limits.sourceRetryLeast)) must be at most limits.source_retry_most, "
                        + DurationText.text(limits.sourceRetryMost)))
        }
        return conflicts
    }

    private var replenishConflicts: [SettingsConflict] {
        var conflicts: [SettingsConflict] = []
        if triggers.replenishHorizon % Microseconds.day != 0 {
            conflicts.append(
                .init(
                    "triggers.replenish_due.horizon",
                    "\(DurationText.text(triggers.replenishHorizon)) is not a number of whole days"))
        }
        if triggers.replenishFrom == "forecast", limits.recentPurchases == 0 {
            conflicts.append(
                .init(
                    "triggers.replenish_due.from",
                    "nothing can be forecast where limits.recent_purchases keeps no purchase"))
        }
        return conflicts
    }

    private var outcomeConflicts: [SettingsConflict] {
        var conflicts: [SettingsConflict] = []
        if models.churn.anchorEvery % Microseconds.day != 0 {
            conflicts.append(
                .init(
                    "models.churn.anchor_every",
                    "\(DurationText.text(models.churn.anchorEvery)) is not a number of whole days"))
        }
        let held = models.churn.anchorEvery * Int64(models.churn.anchors)
        if let horizon = models.churn.horizon, horizon >= held {
            conflicts.append(
                .init(
                    "models.churn.horizon",
                    "\(DurationText.text(horizon)) must be less than models.churn.anchors times "
                        + "models.churn.anchor_every, \(DurationText.text(held)): rows would be gone before "
                        + "their outcome is known"))
        }
        if triggers.churnRiskClear > triggers.churnRiskThreshold {
            conflicts.append(
                .init(
                    "triggers.churn_risk.clear",
                    "\(triggers.churnRiskClear) must not be more than triggers.churn_risk.threshold, "
                        + "\(triggers.churnRiskThreshold)"))
        }
        return conflicts
    }

    private var sessionConflicts: [SettingsConflict] {
        var conflicts: [SettingsConflict] = []
        if sessions.shortGap >= sessions.longGap {
            conflicts.append(
                .init(
                    "sessions.short_gap",
                    "\(DurationText.text(sessions.shortGap)) must be less than sessions.long_gap, "
                        + DurationText.text(sessions.longGap)))
        }
        let least = sessions.longGap + clock.allowedLateness
        if sessions.keepMicroseconds < least {
            conflicts.append(
                .init(
                    "sessions.keep",
                    "\(DurationText.text(sessions.keepMicroseconds)) must be at least sessions.long_gap + "
                        + "clock.allowed_lateness, \(DurationText.text(least))"))
        }
        return conflicts
    }

    private var modelConflicts: [SettingsConflict] {
        let named =
            [("models.clv.horizon", models.clv.horizon)]
            + models.clv.horizons.map { ("models.clv.horizons", $0) }
        return named.filter { $0.1 % Microseconds.day != 0 }.map { path, horizon in
            .init(path, "\(DurationText.text(horizon)) must be a number of whole days")
        }
    }

    private var limitConflicts: [SettingsConflict] {
        var conflicts: [SettingsConflict] = []
        func atMost(_ path: String, _ value: Int, _ otherPath: String, _ other: Int) {
            guard value > other else { return }
            conflicts.append(.init(path, "\(value) must be at most \(otherPath), \(other)"))
        }
        atMost(
            "limits.ingest_connections_per_peer", limits.ingestConnectionsPerPeer,
            "limits.ingest_connections", limits.ingestConnections)
        atMost("limits.line_bytes", limits.lineBytes, "limits.journal_queue_bytes", limits.journalQueueBytes)
        atMost("limits.line_bytes", limits.lineBytes, "limits.http_body_bytes", limits.httpBodyBytes)
        atMost("limits.read_bytes", limits.readBytes, "limits.journal_queue_bytes", limits.journalQueueBytes)
        if limits.lineTimeout > limits.idleTimeout {
            conflicts.append(
                .init(
                    "limits.line_timeout",
                    "\(DurationText.text(limits.lineTimeout)) must be at most limits.idle_timeout, "
                        + DurationText.text(limits.idleTimeout)))
        }
        return conflicts
    }
}

extension Settings.TiersModel {
    fileprivate var conflicts: [SettingsConflict] {
        var conflicts: [SettingsConflict] = []
        // Of a buyer without a lifetime value the others must say something.
        if weights.prefix(4).allSatisfy({ $0 == 0 }) {
            conflicts.append(.init("models.tiers.weights", "the first four must not all be 0"))
        }
        if !zip(cuts, cuts.dropFirst()).allSatisfy(<) {
            conflicts.append(.init("models.tiers.cuts", "each must be greater than the one before"))
        }
        return conflicts
    }
}

extension Settings.Schema {
    /// Fields of an element of `items`; their source keys are looked up there and nowhere else.
    package static let itemFields: Set<String> = [
        "item_id", "item_category", "item_name", "quantity", "price",
    ]

    /// A source key that would feed two fields.
    fileprivate var conflicts: [SettingsConflict] {
        var owner: [String: String] = [:]
        var conflicts: [SettingsConflict] = []
        for field in fields.keys.sorted() {
            let scope = Self.itemFields.contains(field) ? "item" : "event"
            for key in fields[field] ?? [] {
                if let other = owner["\(scope) \(key)"] {
                    conflicts.append(
                        .init("schema.fields.\(field)", "\"\(key)\" is also a source key of \(other)"))
                }
                owner["\(scope) \(key)"] = field
            }
        }
        return conflicts
    }
}
